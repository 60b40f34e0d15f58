import { hubEnvironment } from "#crds";
import { runProcess, watchText } from "#process";
import { startHub } from "./index.ts";

await runProcess("hub", hubEnvironment, async ({ env, log, registry, stack }) => {
  const key = env.HUB_KEY_FILE === undefined ? undefined : stack.use(await watchText(env.HUB_KEY_FILE, { log }));
  key?.onChange(() =>
    log.warn(
      {},
      "the key has changed: it holds when this hub starts again, and who comes with it is refused till then",
    ),
  );
  const hub = stack.use(
    await startHub({
      host: env.HUB_HOST,
      port: env.HUB_PORT,
      key: key?.current(),
      log,
      registry,
      maxJobs: env.HUB_MAX_JOBS,
      maxBytes: env.HUB_MAX_BYTES,
    }),
  );
  return { hub: hub.port };
});
