import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import type { Redis } from "ioredis";
import { backoffMs, listeners, Misconfigured, type Log, type ServerSettings } from "#process";
import { createDialler, type DialOptions } from "./dial.ts";
import { redisServer } from "./server.ts";

const FIRST_MS = 10_000;
const PING_MS = 5000;
const BACKOFF = { minMs: 100, maxMs: 3000 };

/** One connection to Redis that keeps itself up. What is asked while it is away is refused at once, and nothing is sent twice. */
export interface RedisConnection extends AsyncDisposable {
  /** The connection there is now: another one after each reconnect. Undefined while Redis is away. */
  current(): Redis | undefined;
  isReady(): boolean;
  /** Called with each new connection, the one that is there too, before anything else can use it. */
  onUp(listener: (redis: Redis) => void): void;
  /** Called when a connection is lost, not when it is closed from here. */
  onDown(listener: () => void): void;
}

export interface ConnectOptions extends Omit<DialOptions, "silentMs"> {
  /** Read before each connect, so that a rotated password or authority is found. */
  settings: () => Promise<ServerSettings>;
  log: Log;
  /** How long the first connect may take. */
  firstMs?: number;
  random?: () => number;
}

/**
 * Connects to a single Redis, to the master that Sentinel names, to any node of a Redis Cluster or to its owner of `key`, and again, with
 * jittered backoff, wherever that is by then. Rejects after `firstMs` without, or at once with `Misconfigured`.
 */
export const connectRedis = async (options: ConnectOptions): Promise<RedisConnection> => {
  const { settings, log, name, firstMs = FIRST_MS, random = Math.random } = options;
  const dial = createDialler(random);
  const stopped = new AbortController();
  const up = listeners<[Redis]>();
  const down = listeners<[]>();
  let redis: Redis | undefined;
  let reason: unknown;
  let upSince = 0;
  let failures = 0;

  const take = async (): Promise<void> => {
    const next = await dial(redisServer(await settings()), { ...options, silentMs: 2 * PING_MS });
    if (stopped.signal.aborted) return next.disconnect();
    if (next.status !== "ready") throw new Error("redis closed the connection at once");
    next.on("error", (error) => (reason = error));
    next.once("end", lost);
    redis = next;
    upSince = performance.now();
    log.info({ name }, "redis connection is up");
    up.call(next);
  };
  const keepTrying = async (isOver: (error: unknown) => boolean = () => false): Promise<void> => {
    for (; !stopped.signal.aborted; failures += 1) {
      try {
        if (failures > 0) await wait(backoffMs(failures, BACKOFF, random), undefined, { signal: stopped.signal });
        return await take();
      } catch (error) {
        reason = error;
        if (isOver(error)) throw error;
        if (failures % 10 === 5 && !stopped.signal.aborted) log.warn({ err: error, name }, "redis cannot be reached");
      }
    }
  };
  let trying = Promise.resolve();
  const lost = () => {
    redis = undefined;
    if (stopped.signal.aborted) return;
    log.warn({ err: reason, name }, "redis connection closed");
    // One that is lost again and again is waited for longer and longer.
    failures = performance.now() - upSince > BACKOFF.maxMs ? 1 : failures + 1;
    down.call();
    trying = keepTrying();
  };

  trying = keepTrying((error) => error instanceof Misconfigured);
  const tooLate = new AbortController();
  try {
    await Promise.race([trying, wait(firstMs, undefined, { signal: tooLate.signal })]);
  } finally {
    tooLate.abort();
  }
  if (redis === undefined) {
    stopped.abort();
    throw new Error(`redis did not answer within ${firstMs / 1000} s`, { cause: reason });
  }
  const pings = setInterval(() => void redis?.ping().catch(() => {}), PING_MS).unref();
  return {
    current: () => redis,
    isReady: () => redis?.status === "ready",
    onUp: (listener) => {
      up.add(listener);
      if (redis !== undefined) listener(redis);
    },
    onDown: (listener) => void down.add(listener),
    async [Symbol.asyncDispose]() {
      stopped.abort();
      clearInterval(pings);
      const open = redis;
      if (open !== undefined) {
        const ended = once(open, "end");
        // QUIT is behind what was said before; a subscribed or silent server is not waited for.
        await Promise.race([open.quit().catch(() => {}), wait(1000, undefined, { ref: false })]);
        open.disconnect();
        await ended;
      }
      await trying;
    },
  };
};
