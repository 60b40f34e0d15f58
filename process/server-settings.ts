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
  const scheme = ca === undefined ? SCHEMES[type] : `${SCHEMES[type]}s`;
  return { uri: `${scheme}://${login}${host}:${port ?? PORTS[type]}`, ca };
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

/** The parts of a Redis server's address, as its clients take them: `redis://user:password@host:port/db`. */
export const redisAddress = ({ uri, ca }: ServerSettings) => {
  const { protocol, hostname, port, username, password, pathname } = new URL(uri);
  return {
    host: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? PORTS.redis : Number(port),
    username: username === "" ? undefined : decodeURIComponent(username),
    password: password === "" ? undefined : decodeURIComponent(password),
    db: Number(pathname.slice(1) || 0),
    tls: ca !== undefined ? { ca } : protocol === "rediss:" ? {} : undefined,
  };
};
