import type { Log, ServerSettings } from "#process";
import type { Registry } from "prom-client";
import type { Store } from "./port.ts";

export type * from "./port.ts";
export { createLedgerWriter, type LedgerWriter, type LedgerWriterOptions } from "./ledger-writer.ts";

export interface StoreOptions {
  cluster: string;
  /** Unique per start of a process. */
  node: string;
  /** Read before each connect. */
  settings: () => Promise<ServerSettings>;
  log: Log;
  registry: Registry;
}

/** Opens the driver of that name. Rejects where it cannot connect within 10 s; later it reconnects by itself. */
export const openStore = async (driver: "hub" | "redis" | "mongo", options: StoreOptions): Promise<Store> => {
  switch (driver) {
    case "hub":
      return (await import("#store/hub")).openHubStore(options);
    case "redis":
      return (await import("#store/redis")).openRedisStore(options);
    case "mongo":
      return (await import("#store/mongo")).openMongoStore(options);
  }
};
