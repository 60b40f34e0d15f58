import type { Log } from "#process";
import type { HubService, HubSocket } from "#link";
import type { Registry } from "prom-client";
import { brokerService } from "./broker/index.ts";
import { busService } from "./bus/index.ts";
import { logService } from "./log/index.ts";
import { storeService } from "./store/index.ts";

/** What each of the hub's services is built from. */
export interface ServiceOptions {
  log: Log;
  registry: Registry;
  /** Jobs and their bytes that the broker holds at most; more are refused with `queue_full`. */
  maxJobs: number;
  maxBytes: number;
}

/** Builds a service onto the hub's socket. */
export type StartService = (socket: HubSocket) => HubService;

/** The hub's services by the name that a line's hello asks for. */
export const hubServices = ({ log, registry, maxJobs, maxBytes }: ServiceOptions): Record<string, StartService> => ({
  broker: brokerService({ registry, maxJobs, maxBytes }),
  bus: busService({ log, registry }),
  log: logService({ log }),
  store: storeService({ log, registry }),
});
