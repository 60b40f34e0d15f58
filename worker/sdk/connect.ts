import { randomBytes } from "node:crypto";
import { openDelivery, type Emitter, type Listener } from "#adapter";
import { silentLog, type Log } from "#process";
import { Registry } from "prom-client";

/** Where a cluster's deliveries travel. */
export interface ConnectOptions {
  /** The resource's name. */
  cluster: string;
  /** The resource's `adapter.type`. */
  adapter: "redis" | "zeromq" | "rabbitmq" | "mongo";
  /** The adapter's server: `redis://…`, `mongodb://…`, or the hub's `tcp://…`. A function is asked before each connect: a password may have changed. */
  url: string | (() => Promise<string>);
  /** PEM of the authority that signed the server's certificate. */
  ca?: string;
  log?: Log;
  /** Gets the metrics, such as what was dropped while the server was away. */
  registry?: Registry;
}

/** What any process can say to a cluster's clients and hear of what they are told, with the guarantees of `Emitter` and `Listener`. */
export interface Connection extends Emitter, Listener, AsyncDisposable {}

/**
 * Joins a process of any kind (a cron script, another service) to a cluster's deliveries: `await using cluster = await connect({…})`,
 * then `cluster.to("lobby").emit("news", {…})`. Rejects where the server cannot be reached within 10 s; later it reconnects by itself.
 */
export const connect = async (options: ConnectOptions): Promise<Connection> => {
  const { cluster, adapter, url, ca, log = silentLog(), registry = new Registry() } = options;
  const delivery = await openDelivery(adapter, {
    cluster,
    node: `external-${randomBytes(6).toString("hex")}`,
    settings: async () => ({ uri: typeof url === "string" ? url : await url(), ca }),
    log,
    registry,
  });
  const emitter = delivery.emitter();
  return {
    to: (channel) => emitter.to(channel),
    toUser: (user) => emitter.toUser(user),
    broadcast: () => emitter.broadcast(),
    join: (user, channel) => emitter.join(user, channel),
    leave: (user, channel) => emitter.leave(user, channel),
    disconnect: (user) => emitter.disconnect(user),
    listen: (channel, heard) => delivery.listener.listen(channel, heard),
    listenUser: (user, heard) => delivery.listener.listenUser(user, heard),
    [Symbol.asyncDispose]: () => delivery[Symbol.asyncDispose](),
  };
};
