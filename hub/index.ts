import { serveHub } from "#link";
import { hubServices, type ServiceOptions } from "./services.ts";

export interface HubSettings extends ServiceOptions {
  host: string;
  /** 0: any free one. */
  port: number;
}

/** Starts the hub in this process: one ROUTER socket with the broker, the bus and the store behind it, all in memory. */
export const startHub = ({ host, port, ...options }: HubSettings): Promise<{ port: number } & AsyncDisposable> =>
  serveHub({ host, port, log: options.log, registry: options.registry, services: hubServices(options) });
