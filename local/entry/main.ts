import { entryEnvironment, peersFile } from "#crds";
import { runProcess, watchJson } from "#process";
import { balance, entryMetrics } from "./balance.ts";
import { forClients } from "./for-clients.ts";

/** Asked to go, it takes no more connections and stays until the gateways have ended those that there are. */
await runProcess("entry", entryEnvironment, async ({ env, log, registry, stack }) => {
  const peers = stack.use(await watchJson(env.PEERS_FILE, peersFile, { log, everyMs: 100 }));
  const metrics = entryMetrics(registry);
  const clients = stack.use(
    await balance({
      host: env.HOST,
      port: env.PORT,
      targets: () => forClients(peers.current()).map(({ clients }) => clients),
      metrics,
    }),
  );
  const api =
    env.API_PORT === undefined
      ? undefined
      : stack.use(
          await balance({
            host: env.HOST,
            port: env.API_PORT,
            targets: () => peers.current().gateways.flatMap(({ api }) => (api === undefined ? [] : [api])),
            metrics,
          }),
        );
  stack.defer(async () => void (await Promise.all([clients.drained(), api?.drained()])));
  return { clients: clients.port, ...(api === undefined ? {} : { api: api.port }) };
});
