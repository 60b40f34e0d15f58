import type { Log, ServerSettings } from "#process";
import type { Registry } from "prom-client";
import type { LogLimits } from "./log/port.ts";
import type { HeartbeatTiming } from "./heartbeats.ts";
import type { Delivery } from "./port.ts";

export type * from "./port.ts";
export type { HeartbeatTiming } from "./heartbeats.ts";
export { joinMembership } from "./membership.ts";
export { dnsPeers, filePeers } from "./peers.ts";

export interface DeliveryOptions {
  cluster: string;
  /** Unique per start of a process. */
  node: string;
  /** Read before each connect. */
  settings: () => Promise<ServerSettings>;
  log: Log;
  registry: Registry;
  /** Where in Redis emissions go (`key` of socket.io's Redis adapter and emitters). Default: `prefix` in the settings' uri, else "socket.io". */
  prefix?: string | undefined;
  timing?: HeartbeatTiming;
  /** ms after its last member here until a room is unbound. Default: 5 s. */
  lingerMs?: number;
  /** All that clients and rooms can observe goes through a Log that keeps so much; all processes of a cluster are told the same. */
  recovery?: LogLimits | undefined;
}

/** Opens the driver of that name. Rejects where it cannot connect within 10 s. */
export const openDelivery = async (
  driver: "redis" | "zeromq" | "rabbitmq" | "mongo",
  options: DeliveryOptions,
): Promise<Delivery> => {
  switch (driver) {
    case "redis":
      return (await import("#adapter/redis")).openRedisDelivery(options);
    case "zeromq":
      return (await import("#adapter/zeromq")).openZeromqDelivery(options);
    case "rabbitmq":
      return (await import("#adapter/rabbitmq")).openRabbitmqDelivery(options);
    case "mongo":
      return (await import("#adapter/mongo")).openMongoDelivery(options);
  }
};
