import { readDirectory } from "./watch.ts";

/** How to reach a server: a directory with one file per key, in the names of servicebinding.io (`uri`, or `host` and `port`, …). */
export interface ServerSettings {
  uri: string;
  /** PEM of the authority that signed the server's certificate. */
  ca?: string | undefined;
  /** What the hub and the cluster's processes share, so that nobody else gets a line. */
  key?: string | undefined;
}

const SCHEMES = { hub: "tcp", redis: "redis", rabbitmq: "amqp", mongo: "mongodb" } as const;
const PORTS = { hub: 7420, redis: 6379, rabbitmq: 5672, mongo: 27017 } as const;

/** Reads a server's directory, so that a rotated password is found at the next connect. Throws an Error that names the missing key. */
export const readServerSettings = async (type: keyof typeof SCHEMES, directory: string): Promise<ServerSettings> => {
  const keys = await readDirectory(directory);
  const ca = keys["ca.crt"];
  if (keys["uri"] !== undefined) return { uri: keys["uri"], ca, ...(type === "hub" && { key: keys["key"] }) };
  const { host, port, username, password } = keys;
  if (host === undefined)
    throw new Error(`${directory}: neither uri nor host is there; write the address of ${type} into one of them`);
  const login = password === undefined ? "" : `${encodeURIComponent(username ?? "")}:${encodeURIComponent(password)}@`;
  const address = `${login}${host}:${port ?? PORTS[type]}`;
  if (type === "mongo") return { uri: `mongodb://${address}/${keys["database"] ?? ""}`, ca };
  const scheme = ca === undefined ? SCHEMES[type] : `${SCHEMES[type]}s`;
  const hosts = host.split(",").map((one) => `${one.trim()}:${port ?? PORTS[type]}`);
  return { uri: `${scheme}://${login}${hosts.join(",")}`, ca };
};

const DIRECTORIES = {
  hub: "HUB_DIR",
  zeromq: "HUB_DIR",
  redis: "REDIS_DIR",
  rabbitmq: "RABBITMQ_DIR",
  mongo: "MONGO_DIR",
} as const;

/** A driver of broker, adapter or store; zeromq and hub are served by the hub. */
export type Driver = keyof typeof DIRECTORIES;

/** How a driver's server is reached, read anew at each call. Throws an Error that names the variable that is missing. */
export const settingsOf = (
  driver: Driver,
  env: { [variable in (typeof DIRECTORIES)[Driver]]?: string | undefined },
): (() => Promise<ServerSettings>) => {
  const directory = env[DIRECTORIES[driver]];
  if (directory === undefined) throw new Error(`${DIRECTORIES[driver]} is not set, but ${driver} is used`);
  return () => readServerSettings(driver === "zeromq" ? "hub" : driver, directory);
};

/** Where a MongoDB server and its database are, as its client takes it; `realtime` where the uri names no database. */
export const mongoAddress = ({ uri, ca }: ServerSettings) => ({
  uri,
  database: decodeURIComponent(/^mongodb(?:\+srv)?:\/\/[^/?]*\/([^?]+)/.exec(uri)?.[1] ?? "realtime"),
  tls: ca === undefined ? {} : { tls: true, ca },
});
