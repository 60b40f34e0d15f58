import { serveHub } from "#link";
import { hubServices, type ServiceOptions } from "./services.ts";

export interface HubSettings extends ServiceOptions {
  host: string;
  /** 0: any free one. */
  port: number;
  /** The secret that a line must show; absent: none. */
  key?: string | undefined;
}

/** Starts the hub in this process: one ROUTER socket with the broker, the bus and the store behind it, all in memory. */
export const startHub = ({ host, port, key, ...options }: HubSettings): Promise<{ port: number } & AsyncDisposable> =>
  serveHub({ host, port, key, log: options.log, registry: options.registry, services: hubServices(options) });
