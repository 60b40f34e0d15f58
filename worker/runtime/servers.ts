import type { WorkerEnvironment } from "#crds";
import { readServerSettings, type ServerSettings } from "#process";

const SERVERS = {
  redis: { type: "redis", variable: "REDIS_DIR" },
  rabbitmq: { type: "rabbitmq", variable: "RABBITMQ_DIR" },
  mongo: { type: "mongo", variable: "MONGO_DIR" },
  zeromq: { type: "hub", variable: "HUB_DIR" },
  hub: { type: "hub", variable: "HUB_DIR" },
} as const;

/** A driver of broker, adapter or store. */
export type Driver = keyof typeof SERVERS;

/** How a driver's server is reached, read anew at each call. Throws an Error that names the variable that is missing. */
export const settingsOf = (driver: Driver, env: WorkerEnvironment): (() => Promise<ServerSettings>) => {
  const { type, variable } = SERVERS[driver];
  const directory = env[variable];
  if (directory === undefined) throw new Error(`${variable} is not set, but ${driver} is used`);
  return () => readServerSettings(type, directory);
};
