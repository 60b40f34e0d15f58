import { z } from "zod";
import { runProcess } from "#process";

/** A process that logs in which order what it started is closed; FAIL makes its start fail, HANG never end, SLOW keeps it from stopping, PATIENT until it is to hurry. */
const schema = z.object({
  CLUSTER: z.string(),
  INSTANCE: z.string(),
  LOG_LEVEL: z.string().default("info"),
  PROBE_PORT: z.coerce.number(),
  PROBE_HOST: z.string().default("127.0.0.1"),
  FAIL: z.string().optional(),
  HANG: z.string().optional(),
  SLOW: z.string().optional(),
  PATIENT: z.string().optional(),
});

await runProcess("echo", schema, ({ env, log, stack, hurry, readiness }) => {
  if (env.FAIL !== undefined) throw new Error(env.FAIL);
  if (env.HANG !== undefined) return new Promise((resolve) => void setTimeout(resolve, 60_000, {}));
  let broken: string | undefined;
  readiness(() => broken);
  process.on("message", () => (broken = "the server is away"));
  stack.defer(() => log.info("closed first"));
  stack.defer(() =>
    env.SLOW === undefined ? log.info("closed last") : new Promise<void>((resolve) => void setTimeout(resolve, 60_000)),
  );
  if (env.PATIENT !== undefined)
    stack.defer(() => new Promise<void>((resolve) => hurry.addEventListener("abort", () => resolve())));
  return Promise.resolve({ clients: 1234 });
});
