import { readFile } from "node:fs/promises";
import { hubEnvironment } from "#crds";
import { runProcess } from "#process";
import { startHub } from "./index.ts";

await runProcess("hub", hubEnvironment, async ({ env, log, registry, stack }) => {
  const hub = stack.use(
    await startHub({
      host: env.HUB_HOST,
      port: env.HUB_PORT,
      key: env.HUB_KEY_FILE === undefined ? undefined : (await readFile(env.HUB_KEY_FILE, "utf8")).trim(),
      log,
      registry,
      maxJobs: env.HUB_MAX_JOBS,
      maxBytes: env.HUB_MAX_BYTES,
    }),
  );
  return { hub: hub.port };
});
