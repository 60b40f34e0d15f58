import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { Redis, type RedisOptions } from "ioredis";
import { Refusal } from "#crds";
import { redisAddress, type Log, type ServerSettings } from "#process";
import { SCRIPTS, type ScriptName } from "./scripts.ts";

type Argument = string | number | Buffer;
type Scripts = Record<ScriptName | `${ScriptName}Buffer`, (...args: Argument[]) => Promise<unknown>>;

/** One line to Redis that comes back by itself. What is asked while it is away is refused at once, what is not answered after 2 s. */
export interface RedisConnection extends AsyncDisposable {
  connected(): boolean;
  /** Rejects with the Refusal `store_unavailable`, whose cause says why. Nothing is sent twice. */
  run(script: ScriptName, ...args: Argument[]): Promise<unknown>;
  runBuffer(script: ScriptName, ...args: Argument[]): Promise<unknown>;
  ask<T>(command: (redis: Redis) => Promise<T>): Promise<T>;
  /** Called after each connect but the first. */
  onBack(listener: () => void): void;
}

interface ConnectOptions {
  prefix: string;
  settings: () => Promise<ServerSettings>;
  log: Log;
  /** How long the first connect may take. */
  firstMs?: number;
  random?: () => number;
}

const COMMAND_MS = 2000;
const MAX_DELAY_MS = 5000;

// ioredis adds a method per script, and its types cannot know them.
const scripted = (it: Redis) => it as unknown as Scripts;

/** How ioredis is to reach a server; reconnecting, with settings read anew, is not its own. */
export const redisOptions = (settings: ServerSettings) =>
  ({
    ...redisAddress(settings),
    lazyConnect: true,
    retryStrategy: null,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 4000,
    commandTimeout: COMMAND_MS,
    socketTimeout: 2 * COMMAND_MS,
    reconnectOnError: (error: Error) => /^(READONLY|NOAUTH|WRONGPASS)/.test(error.message),
  }) satisfies RedisOptions;

/** Connects and stays connected. Rejects where that does not succeed within `firstMs`. */
export const connectRedis = async ({
  prefix,
  settings,
  log,
  firstMs = 10_000,
  random = Math.random,
}: ConnectOptions): Promise<RedisConnection> => {
  const scripts = Object.fromEntries(Object.entries(SCRIPTS).map(([name, lua]) => [name, { lua, numberOfKeys: 1 }]));
  const stopped = new AbortController();
  const listeners: (() => void)[] = [];
  let redis: Redis | undefined;
  let lastWarning = 0;

  const dial = async (onEnd: () => void): Promise<Redis> => {
    const next = new Redis({ ...redisOptions(await settings()), scripts });
    let reason: unknown;
    next.on("error", (error) => (reason = error));
    try {
      await next.connect();
    } catch (error) {
      next.disconnect();
      throw reason ?? error;
    }
    next.once("end", () => {
      if (!stopped.signal.aborted) log.warn({ err: reason }, "redis is away");
      onEnd();
    });
    return next;
  };

  const pause = (tries: number) =>
    wait(Math.min(MAX_DELAY_MS, 100 * 2 ** Math.min(tries, 10)) * (0.5 + random() / 2), undefined, {
      signal: stopped.signal,
    });

  const again = async (): Promise<void> => {
    for (let tries = 0; !stopped.signal.aborted; tries++) {
      try {
        await pause(tries);
        const next = await dial(lost);
        if (stopped.signal.aborted) return next.disconnect();
        redis = next;
        log.info("redis is back");
        for (const listener of listeners) listener();
        return;
      } catch (error) {
        if (tries === 5 && !stopped.signal.aborted) log.warn({ err: error }, "redis cannot be reached");
      }
    }
  };
  let reconnecting = Promise.resolve();
  const lost = () => {
    redis = undefined;
    reconnecting = again();
  };

  const end = Date.now() + firstMs;
  for (let tries = 0; redis === undefined; tries++) {
    try {
      redis = await dial(lost);
    } catch (error) {
      if (Date.now() > end) throw new Error("cannot connect to redis", { cause: error });
      await pause(Math.min(tries, 3));
    }
  }

  const refused = (cause: unknown): Refusal => {
    if (redis?.status === "ready" && Date.now() - lastWarning > 10_000) {
      lastWarning = Date.now();
      log.warn({ err: cause }, "redis refuses");
    }
    return new Refusal("store_unavailable", undefined, { cause });
  };
  const ask = async <T>(command: (redis: Redis) => Promise<T>): Promise<T> => {
    if (redis === undefined) throw new Refusal("store_unavailable", undefined, { cause: new Error("not connected") });
    try {
      return await command(redis);
    } catch (error) {
      throw refused(error);
    }
  };
  return {
    connected: () => redis?.status === "ready",
    run: (script, ...args) => ask((it) => scripted(it)[script](prefix, ...args)),
    runBuffer: (script, ...args) => ask((it) => scripted(it)[`${script}Buffer`](prefix, ...args)),
    ask,
    onBack: (listener) => void listeners.push(listener),
    async [Symbol.asyncDispose]() {
      stopped.abort();
      const open = redis;
      if (open !== undefined) {
        const ended = once(open, "end");
        open.disconnect();
        await ended;
      }
      await reconnecting;
    },
  };
};
