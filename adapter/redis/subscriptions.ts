import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import type { Log } from "#process";
import type { RedisConnection } from "#redis";
import type { BusMetrics } from "../metrics.ts";
import { HEARD_BEFORE } from "./copies.ts";

/** May throw, or give a promise that rejects: that is counted and harms nobody. Gives HEARD_BEFORE for a copy. */
export type Heard = (channel: string, message: Buffer) => unknown;

/** One wish to hear a channel or a pattern. */
export interface Hearing {
  /** Resolves when Redis has confirmed it the first time; rejects where it is ended before. */
  readonly active: Promise<void>;
  end(): void;
}

/** What this process hears from Redis, over one connection, subscribed anew after each reconnect. */
export interface Subscriptions extends Disposable {
  channel(name: string, heard: Heard): Hearing;
  /** Redis' glob pattern. */
  pattern(pattern: string, heard: Heard): Hearing;
}

type Kind = "channel" | "pattern";

interface Entry {
  kind: Kind;
  name: string;
  heard: Heard[];
  /** Settled at the first confirmation; made where somebody waits for that. */
  first: PromiseWithResolvers<void> | undefined;
  wasConfirmed: boolean;
}

/** Channels per command, of which one is under way: Redis and this process do other things between two. */
const BATCH = 1000;
const RETRY_MS = 1000;

const closed = () => new Error("unsubscribed");

export const createSubscriptions = (
  connection: RedisConnection,
  { metrics, log }: { metrics: BusMetrics; log: Log },
): Subscriptions => {
  const entries: Record<Kind, Map<string, Entry>> = { channel: new Map(), pattern: new Map() };
  /** Wished, and not asked for on this connection yet. */
  let missing = new Set<Entry>();
  /** No longer wished, and not said so on this connection yet. */
  const over: Record<Kind, Set<string>> = { channel: new Set(), pattern: new Set() };
  let flushing: Promise<void> | undefined;
  let disposed = false;

  const call = (entry: Entry | undefined, channel: string, message: Buffer) => {
    const failed = (error: unknown) => {
      metrics.malformed();
      log.warn({ err: error, channel }, "a message could not be handled");
    };
    let isCopy = entry !== undefined;
    for (const heard of entry?.heard ?? []) {
      try {
        const handling = heard(channel, message);
        if (handling !== HEARD_BEFORE) isCopy = false;
        if (handling instanceof Promise) handling.catch(failed);
      } catch (error) {
        isCopy = false;
        failed(error);
      }
    }
    if (isCopy) metrics.copied();
    else metrics.received();
  };

  const nextBatch = (): { kind: Kind; batch: Entry[] } | undefined => {
    const [one] = missing;
    if (one === undefined) return undefined;
    const batch: Entry[] = [];
    for (const entry of missing) {
      if (entry.kind !== one.kind) continue;
      if (batch.push(entry) === BATCH) break;
    }
    for (const entry of batch) missing.delete(entry);
    return { kind: one.kind, batch };
  };
  const unsubscribe = (redis: Redis) => {
    for (const kind of ["channel", "pattern"] as const) {
      const names = [...over[kind]];
      over[kind].clear();
      for (let from = 0; from < names.length; from += BATCH) {
        const some = names.slice(from, from + BATCH);
        (kind === "channel" ? redis.unsubscribe(...some) : redis.punsubscribe(...some)).catch(() => {});
      }
    }
  };
  const flush = async (redis: Redis): Promise<void> => {
    const isOver = () => disposed || connection.current() !== redis;
    for (;;) {
      // In the next turn, so that what is wished together is asked together.
      await Promise.resolve();
      if (isOver()) return;
      unsubscribe(redis);
      const next = nextBatch();
      if (next === undefined) return;
      const names = next.batch.map(({ name }) => name);
      try {
        await (next.kind === "channel" ? redis.subscribe(...names) : redis.psubscribe(...names));
        for (const entry of next.batch) {
          entry.wasConfirmed = true;
          entry.first?.resolve();
          entry.first = undefined;
        }
      } catch (error) {
        if (isOver()) return;
        for (const entry of next.batch) if (entries[entry.kind].get(entry.name) === entry) missing.add(entry);
        log.warn({ err: error }, "redis refused a subscription");
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
  };
  const schedule = () => {
    const redis = connection.current();
    if (flushing !== undefined || redis === undefined || disposed) return;
    const flushed = flush(redis).then(() => {
      if (flushing !== flushed) return;
      flushing = undefined;
      if (missing.size > 0 || over.channel.size > 0 || over.pattern.size > 0) schedule();
    });
    flushing = flushed;
  };

  connection.onUp((redis) => {
    redis.on("messageBuffer", (channel: Buffer, message: Buffer) => {
      const name = channel.toString();
      call(entries.channel.get(name), name, message);
    });
    redis.on("pmessageBuffer", (pattern: string, channel: Buffer, message: Buffer) =>
      call(entries.pattern.get(pattern), channel.toString(), message),
    );
    missing = new Set([...entries.pattern.values(), ...entries.channel.values()]);
    flushing = undefined;
    schedule();
  });
  connection.onDown(() => {
    if (!disposed) metrics.interrupted();
    over.channel.clear();
    over.pattern.clear();
  });

  const add = (kind: Kind, name: string, heard: Heard): Hearing => {
    let entry = entries[kind].get(name);
    if (entry === undefined) {
      entry = { kind, name, heard: [], first: undefined, wasConfirmed: false };
      entries[kind].set(name, entry);
      over[kind].delete(name);
      missing.add(entry);
      schedule();
    }
    const own = entry;
    own.heard = [...own.heard, heard];
    let ended = false;
    const end = () => {
      if (ended) return;
      ended = true;
      own.heard = own.heard.toSpliced(own.heard.indexOf(heard), 1);
      if (own.heard.length > 0) return;
      entries[kind].delete(name);
      own.first?.reject(closed());
      if (!missing.delete(own)) over[kind].add(name);
      schedule();
    };
    return {
      get active() {
        if (own.wasConfirmed) return Promise.resolve();
        if (ended || disposed) return Promise.reject(closed());
        own.first ??= Promise.withResolvers();
        return own.first.promise;
      },
      end,
    };
  };
  return {
    channel: (name, heard) => add("channel", name, heard),
    pattern: (pattern, heard) => add("pattern", pattern, heard),
    [Symbol.dispose]: () => {
      disposed = true;
      for (const kind of ["channel", "pattern"] as const)
        for (const { first } of entries[kind].values()) first?.reject(new Error("the delivery plane is closed"));
    },
  };
};
