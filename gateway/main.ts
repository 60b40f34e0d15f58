import { dnsPeers, filePeers, joinMembership, openDelivery } from "#adapter";
import { openBroker } from "#broker";
import { gatewayEnvironment, liveConfig } from "#crds";
import { keepTrying, runProcess, settingsOf, watchDirectory, watchJson, watchText, type Driver } from "#process";
import { openStore } from "#store";
import { serveApi } from "./api/index.ts";
import { serveControl } from "./control/index.ts";
import { recentKeys } from "./forward/index.ts";
import { startGateway } from "./start.ts";
import { openFeeds } from "./watch/index.ts";
import { serveWorkers } from "./workers/index.ts";
import { openWorkPlane } from "./work-plane.ts";

await runProcess(
  "gateway",
  gatewayEnvironment,
  async ({ env, log, registry, node, stack, hurry, readiness, stopping, stop }) => {
    const { CLUSTER: cluster, INSTANCE: instance, HOST: host, GATEWAY: settings } = env;
    const common = { cluster, node, log, registry };
    const watching = { log };

    const config = stack.use(await watchJson(env.CONFIG_FILE, liveConfig, watching));
    const sessionKey = stack.use(await watchText(env.SESSION_KEY_FILE, watching));
    const controlToken = stack.use(await watchText(env.CONTROL_TOKEN_FILE, watching));
    const jwtSecret =
      env.JWT_SECRET_FILE === undefined ? undefined : stack.use(await watchText(env.JWT_SECRET_FILE, watching));

    const open = (driver: Driver) => ({ ...common, settings: settingsOf(driver, env) });
    const [adapterOptions, storeOptions, brokerOptions] = [open(env.ADAPTER), open(env.STORE), open(env.BROKER)];
    const waiting = { log, readiness };
    const [delivery, store] = await Promise.all([
      keepTrying(
        `the adapter, ${env.ADAPTER}`,
        () => openDelivery(env.ADAPTER, { ...adapterOptions, recovery: env.RECOVERY }),
        waiting,
      ),
      keepTrying(`the store, ${env.STORE}`, () => openStore(env.STORE, storeOptions), waiting),
    ]);
    stack.use(delivery);
    stack.use(store);
    const work = stack.use(openWorkPlane({ open: () => openBroker(env.BROKER, brokerOptions), config, log }));
    readiness(work.notReady);
    const membership = stack.use(await joinMembership(delivery.bus, { node, instance, role: "gateway" }, { log }));
    await work.attempted;

    const openPeers = async (port: number) => {
      if (env.PEERS_HOST !== undefined) return dnsPeers(env.PEERS_HOST, port, watching);
      return env.PEERS_FILE === undefined ? undefined : await filePeers(env.PEERS_FILE, watching);
    };
    const peers = env.LINK_PORT === undefined ? undefined : await openPeers(env.LINK_PORT);
    const links =
      env.LINK_PORT === undefined || peers === undefined
        ? undefined
        : { port: env.LINK_PORT, peers: stack.use(peers), keys: stack.use(recentKeys(controlToken)).keys };

    // First the clients go, and with them, in the same grace, the API and its workers; the control port tells of it.
    let apiGone: Promise<void> | undefined;
    stack.defer(() => apiGone);
    const gateway = stack.use(
      await startGateway(
        {
          cluster,
          node,
          instance,
          settings,
          delivery,
          broker: work.broker,
          store,
          membership,
          config,
          sessionKey: sessionKey.current,
          jwtSecret: jwtSecret?.current,
          links,
          log,
          registry,
        },
        { host, port: env.PORT },
      ),
    );
    readiness(() => (gateway.context.draining() && !stopping() ? "draining" : undefined));

    const feed = stack.use(await openFeeds(gateway.context));
    const control = stack.use(
      await serveControl(gateway.context, {
        host,
        port: env.CONTROL_PORT,
        token: controlToken,
        feed,
        drain: (isHurried) => stop("asked to drain", isHurried),
      }),
    );
    stack.defer(() => gateway.drain(hurry));
    const { port: clients, linkPort } = gateway;
    const ports = { clients, control: control.port, ...(linkPort === undefined ? {} : { link: linkPort }) };
    if (env.API_PORT === undefined || env.API_KEYS_DIR === undefined) return ports;
    const keys = stack.use(await watchDirectory(env.API_KEYS_DIR, watching));
    const api = await serveApi(gateway.context, {
      host,
      port: env.API_PORT,
      keys,
      attach: (server) => serveWorkers(gateway.context, server, keys),
    });
    stack.defer(() => {
      apiGone = Promise.resolve(api[Symbol.asyncDispose]()).catch((error: unknown) =>
        log.error({ err: error }, "the API did not stop cleanly"),
      );
    });
    return { ...ports, api: api.port };
  },
);
