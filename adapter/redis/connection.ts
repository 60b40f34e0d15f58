import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { backoffMs, coalesceWrites, redisAddress, type Log, type ServerSettings } from "#process";

const FIRST_MS = 10_000;
const PING_MS = 5000;
const BACKOFF = { minMs: 100, maxMs: 3000 };

/** `prefix` in the uri's query: see `DeliveryOptions`. */
export const prefixOf = ({ uri }: ServerSettings): string | undefined =>
  new URL(uri).searchParams.get("prefix") ?? undefined;

/** One connection to Redis that keeps itself up, with jittered backoff and settings read again; it queues nothing while it is down. */
export interface Connection extends AsyncDisposable {
  readonly client: Redis;
  isReady(): boolean;
}

/** Resolves when connected, rejects after 10 s without. */
export const connect = async (
  settings: () => Promise<ServerSettings>,
  { name, log, random = Math.random }: { name: string; log: Log; random?: () => number },
): Promise<Connection> => {
  const address = redisAddress(await settings());
  const client = new Redis({
    ...address,
    lazyConnect: true,
    connectionName: name,
    connectTimeout: 5000,
    socketTimeout: 2 * PING_MS,
    enableOfflineQueue: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    // Commands under way are rejected when the connection closes, not sent again: at most once.
    maxRetriesPerRequest: 0,
    retryStrategy: (times) => backoffMs(times, BACKOFF, random),
  });
  let lastError: unknown;
  let up = false;
  client.on("error", (error) => {
    lastError = error;
    log.debug({ err: error, name }, "redis connection error");
  });
  client.on("connect", () => coalesceWrites(client.stream));
  client.on("ready", () => {
    up = true;
    log.info({ name }, "redis connection is up");
  });
  client.on("close", () => {
    if (up) log.warn({ err: lastError, name }, "redis connection closed");
    up = false;
    settings().then(
      (next) => Object.assign(client.options, redisAddress(next)),
      (error: unknown) => log.warn({ err: error }, "redis settings cannot be read; the last ones stay"),
    );
  });
  const pings = setInterval(() => {
    if (client.status === "ready") client.ping().catch(() => {});
  }, PING_MS).unref();
  const close = async () => {
    clearInterval(pings);
    if (client.status === "ready") await Promise.race([client.quit().catch(() => {}), sleep(1000)]);
    client.disconnect();
  };

  const first = Promise.withResolvers<void>();
  client.once("ready", () => first.resolve());
  const giveUp = setTimeout(
    () =>
      first.reject(
        new Error(`redis at ${address.host}:${address.port} did not answer within ${FIRST_MS / 1000} s`, {
          cause: lastError,
        }),
      ),
    FIRST_MS,
  );
  client.connect().catch(() => {});
  try {
    await first.promise;
  } catch (error) {
    await close();
    throw error;
  } finally {
    clearTimeout(giveUp);
  }
  return { client, isReady: () => client.status === "ready", [Symbol.asyncDispose]: close };
};
