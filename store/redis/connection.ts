import type { Redis } from "ioredis";
import { Refusal } from "#crds";
import type { Log, ServerSettings } from "#process";
import { connectRedis } from "#redis";
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
  name: string;
  /** Of all keys: with a hash tag, so that a Redis Cluster holds them in one slot. */
  prefix: string;
  settings: () => Promise<ServerSettings>;
  log: Log;
}

const COMMAND_MS = 2000;

// ioredis adds a method per script, and its types cannot know them.
const scripted = (it: Redis) => it as unknown as Scripts;

/** Connects and stays connected, to the master that has the keys. Rejects where that does not succeed within 10 s. */
export const connectStore = async ({ name, prefix, settings, log }: ConnectOptions): Promise<RedisConnection> => {
  const scripts = Object.fromEntries(Object.entries(SCRIPTS).map(([name, lua]) => [name, { lua, numberOfKeys: 1 }]));
  const connection = await connectRedis({ settings, log, name, key: prefix, scripts, commandMs: COMMAND_MS });
  const listeners: (() => void)[] = [];
  let isFirst = true;
  connection.onUp(() => {
    if (!isFirst) for (const listener of listeners) listener();
    isFirst = false;
  });
  let lastWarning = 0;

  const refused = (cause: unknown): Refusal => {
    if (connection.isReady() && Date.now() - lastWarning > 10_000) {
      lastWarning = Date.now();
      log.warn({ err: cause }, "redis refuses");
    }
    return new Refusal("store_unavailable", undefined, { cause });
  };
  const ask = async <T>(command: (redis: Redis) => Promise<T>): Promise<T> => {
    const redis = connection.current();
    if (redis === undefined) throw new Refusal("store_unavailable", undefined, { cause: new Error("not connected") });
    try {
      return await command(redis);
    } catch (error) {
      throw refused(error);
    }
  };
  return {
    connected: connection.isReady,
    run: (script, ...args) => ask((it) => scripted(it)[script](prefix, ...args)),
    runBuffer: (script, ...args) => ask((it) => scripted(it)[`${script}Buffer`](prefix, ...args)),
    ask,
    onBack: (listener) => void listeners.push(listener),
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
};
