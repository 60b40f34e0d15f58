import type { Log, ServerSettings } from "#process";
import type { Registry } from "prom-client";
import type { Broker } from "./port.ts";

export type * from "./port.ts";
export { nearestStep, retryDelayMs, retrySteps, type RetrySettings } from "./retry.ts";

export interface BrokerOptions {
  cluster: string;
  /** Unique per start of a process. */
  node: string;
  /** Read before each connect. */
  settings: () => Promise<ServerSettings>;
  log: Log;
  registry: Registry;
}

/** Opens the driver of that name. Rejects where it cannot connect within 10 s; later it reconnects by itself. */
export const openBroker = async (driver: "rabbitmq" | "zeromq", options: BrokerOptions): Promise<Broker> => {
  switch (driver) {
    case "rabbitmq":
      return (await import("#broker/rabbitmq")).openRabbitmqBroker(options);
    case "zeromq":
      return (await import("#broker/zeromq")).openZeromqBroker(options);
  }
};
