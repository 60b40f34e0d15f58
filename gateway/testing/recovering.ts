import { randomBytes } from "node:crypto";
import { Registry } from "prom-client";
import { z } from "zod";
import { joinMembership, openDelivery } from "#adapter";
import { silentLog } from "#process";
import { openStore } from "#store";
import { startGateway } from "../start.ts";
import { settingsOf } from "./settings.ts";

/** A gateway as a process of its own that recovers what clients missed, told over IPC what to say; to be killed. */
const env = z
  .object({
    DRIVER: z.enum(["redis", "zeromq", "rabbitmq"]),
    /** Of the adapter's server and, after a space, of the store's where that is another. */
    URI: z.string(),
    CLUSTER: z.string(),
    SESSION_KEY: z.string(),
    JWT_SECRET: z.string().optional(),
    /** spec.gateway, JSON. */
    GATEWAY: z.string(),
    LIMITS: z.string(),
    SILENT_MS: z.coerce.number().default(15_000),
  })
  .parse(process.env);
const command = z.object({
  id: z.number(),
  do: z.string(),
  rooms: z.array(z.string()).default([]),
  event: z.string().default("event"),
  args: z.array(z.unknown()).default([]),
  joined: z.string().default(""),
  user: z.string().default(""),
});
type Command = z.infer<typeof command>;

const node = `gateway-${randomBytes(4).toString("hex")}`;
const registry = new Registry();
const log = silentLog();
const [uri = "", storeUri = uri] = env.URI.split(" ");
const common = { cluster: env.CLUSTER, node, log, registry, settings: async () => ({ uri }) };
const { JWT_SECRET } = env;
const delivery = await openDelivery(env.DRIVER, { ...common, prefix: env.CLUSTER, recovery: JSON.parse(env.LIMITS) });
const store = await openStore(env.DRIVER === "redis" ? "redis" : "hub", {
  ...common,
  settings: async () => ({ uri: storeUri }),
});
const membership = await joinMembership(
  delivery.bus,
  { node, instance: node, role: "gateway" },
  { log, silentMs: env.SILENT_MS, everyMs: env.SILENT_MS / 5 },
);
const gateway = await startGateway(
  {
    cluster: env.CLUSTER,
    node,
    instance: node,
    settings: settingsOf(JSON.parse(env.GATEWAY)),
    delivery,
    broker: () => undefined,
    store,
    membership,
    config: {
      current: () => ({ pools: [] }),
      onChange: () => ({ [Symbol.dispose]: () => undefined }),
      [Symbol.dispose]: () => undefined,
    },
    sessionKey: () => env.SESSION_KEY,
    ...(JWT_SECRET !== undefined && { jwtSecret: () => JWT_SECRET }),
    log,
    registry,
  },
  { host: "127.0.0.1", port: 0 },
);
const { io } = gateway.context;
const emitter = delivery.emitter();
const said = async () => {
  await delivery.confirmed();
};
const actions: Record<string, (it: Command) => unknown> = {
  emit: (it) => {
    io.to(it.rooms).emit(it.event, ...it.args);
    return said();
  },
  tell: (it) => io.sockets.sockets.forEach((socket) => socket.emit(it.event, ...it.args)),
  volatile: (it) => {
    io.to(it.rooms).volatile.emit(it.event, ...it.args);
    return said();
  },
  join: (it) => {
    emitter.join(it.user, it.joined);
    return said();
  },
  leave: (it) => {
    emitter.leave(it.user, it.joined);
    return said();
  },
  disconnect: (it) => {
    emitter.disconnect(it.user);
    return said();
  },
  revoke: (it) => gateway.context.revoke({ user: it.user, before: Date.now() + 1000 }, 60),
  rooms: (it) => [...(io.sockets.sockets.get(it.joined)?.rooms ?? [])],
  connections: () => gateway.context.connections(),
  metrics: () => registry.metrics(),
  cpu: () => process.cpuUsage(),
  stop: () => gateway[Symbol.asyncDispose](),
};
process.on("message", (message) => {
  const it = command.parse(message);
  Promise.try(() => actions[it.do]?.(it)).then(
    (result) => process.send?.({ id: it.id, result }),
    (error: unknown) => process.send?.({ id: it.id, error: String(error) }),
  );
});
process.on("disconnect", () => process.exit());
process.send?.({ ready: gateway.port });
