import { joinMembership, openDelivery } from "#adapter";
import { openBroker } from "#broker";
import { gatewayEnvironment, liveConfig, type GatewayEnvironment } from "#crds";
import { readServerSettings, runProcess, watchDirectory, watchJson, watchText, type ServerSettings } from "#process";
import { openStore } from "#store";
import { serveApi } from "./api/index.ts";
import { serveControl } from "./control/index.ts";
import { startGateway } from "./start.ts";
import { openFeeds } from "./watch/index.ts";
import { openWorkPlane } from "./work-plane.ts";

const DIRECTORIES = {
  hub: "HUB_DIR",
  zeromq: "HUB_DIR",
  redis: "REDIS_DIR",
  rabbitmq: "RABBITMQ_DIR",
  mongo: "MONGO_DIR",
} as const;

/** Where a driver's server is, read anew at each connect. Throws where the environment does not say. */
const settingsOf =
  (env: GatewayEnvironment, driver: keyof typeof DIRECTORIES): (() => Promise<ServerSettings>) =>
  () => {
    const name = DIRECTORIES[driver];
    const directory = env[name];
    if (directory === undefined) throw new Error(`environment: ${name} is needed by ${driver}`);
    return readServerSettings(driver === "zeromq" ? "hub" : driver, directory);
  };

await runProcess(
  "gateway",
  gatewayEnvironment,
  async ({ env, log, registry, node, stack, readiness, stopping, stop }) => {
    const { CLUSTER: cluster, INSTANCE: instance, HOST: host, GATEWAY: settings } = env;
    const common = { cluster, node, log, registry };
    const watching = { log };

    const config = stack.use(await watchJson(env.CONFIG_FILE, liveConfig, watching));
    const sessionKey = stack.use(await watchText(env.SESSION_KEY_FILE, watching));
    const controlToken = stack.use(await watchText(env.CONTROL_TOKEN_FILE, watching));
    const jwtSecret =
      env.JWT_SECRET_FILE === undefined ? undefined : stack.use(await watchText(env.JWT_SECRET_FILE, watching));

    const [delivery, store] = await Promise.all([
      openDelivery(env.ADAPTER, { ...common, settings: settingsOf(env, env.ADAPTER) }),
      openStore(env.STORE, { ...common, settings: settingsOf(env, env.STORE) }),
    ]);
    stack.use(delivery);
    stack.use(store);
    const work = stack.use(
      openWorkPlane({
        open: (own) => openBroker(env.BROKER, { ...common, registry: own, settings: settingsOf(env, env.BROKER) }),
        config,
        registry,
        log,
      }),
    );
    readiness(work.notReady);
    const membership = stack.use(await joinMembership(delivery.bus, { node, instance, role: "gateway" }, { log }));
    await work.attempted;

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
        drain: () => stop("asked to drain"),
      }),
    );
    const ports = { clients: gateway.port, control: control.port };
    if (env.API_PORT === undefined || env.API_KEYS_DIR === undefined) return ports;
    const keys = stack.use(await watchDirectory(env.API_KEYS_DIR, watching));
    const api = stack.use(await serveApi(gateway.context, { host, port: env.API_PORT, keys }));
    return { ...ports, api: api.port };
  },
);
