import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "#process";
import type { BusMetrics } from "../metrics.ts";
import type { Connection } from "./connection.ts";

/** May throw, or give a promise that rejects: that is counted and harms nobody. */
type Heard = (channel: string, message: Buffer) => unknown;

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

interface Entry {
  name: string;
  heard: Set<Heard>;
  /** Of which connection it is confirmed. */
  epoch: number;
  active: PromiseWithResolvers<void>;
}

type Kind = "channel" | "pattern";
const RETRY_MS = 1000;

export const createSubscriptions = (
  { client, isReady }: Connection,
  { metrics, log }: { metrics: BusMetrics; log: Log },
): Subscriptions => {
  const entries: Record<Kind, Map<string, Entry>> = { channel: new Map(), pattern: new Map() };
  const send = {
    channel: (names: string[]) => client.subscribe(...names),
    pattern: (names: string[]) => client.psubscribe(...names),
  };
  const unsend = {
    channel: (name: string) => client.unsubscribe(name),
    pattern: (name: string) => client.punsubscribe(name),
  };
  let epoch = 0;
  let scheduled = false;
  let disposed = false;
  let up = isReady();

  const confirm = async (kind: Kind, missing: Entry[]) => {
    const asked = epoch;
    for (const entry of missing) entry.epoch = asked;
    try {
      await send[kind](missing.map(({ name }) => name));
      if (asked === epoch) for (const entry of missing) entry.active.resolve();
    } catch (error) {
      for (const entry of missing) if (entry.epoch === asked) entry.epoch = -1;
      if (asked !== epoch || disposed) return;
      log.warn({ err: error }, "redis refused a subscription");
      await sleep(RETRY_MS, undefined, { ref: false });
      schedule();
    }
  };
  const flush = () => {
    scheduled = false;
    if (!isReady() || disposed) return;
    for (const kind of ["channel", "pattern"] as const) {
      const missing = [...entries[kind].values()].filter((entry) => entry.epoch !== epoch);
      if (missing.length > 0) void confirm(kind, missing);
    }
  };
  const schedule = () => {
    if (scheduled) return;
    scheduled = true;
    queueMicrotask(flush);
  };
  const call = (entry: Entry | undefined, channel: string, message: Buffer) => {
    if (entry === undefined) return;
    const failed = (error: unknown) => {
      metrics.malformed();
      log.warn({ err: error, channel }, "a message could not be handled");
    };
    for (const heard of entry.heard) {
      try {
        const handling = heard(channel, message);
        if (handling instanceof Promise) handling.catch(failed);
      } catch (error) {
        failed(error);
      }
    }
  };

  client.on("ready", () => {
    up = true;
    epoch += 1;
    schedule();
  });
  client.on("close", () => {
    if (up && !disposed) metrics.interrupted();
    up = false;
    epoch += 1;
  });
  client.on("messageBuffer", (channel: Buffer, message: Buffer) => {
    const name = channel.toString();
    call(entries.channel.get(name), name, message);
  });
  client.on("pmessageBuffer", (pattern: string, channel: Buffer, message: Buffer) =>
    call(entries.pattern.get(pattern), channel.toString(), message),
  );

  const add = (kind: Kind, name: string, heard: Heard): Hearing => {
    let entry = entries[kind].get(name);
    if (entry === undefined) {
      entry = { name, heard: new Set(), epoch: -1, active: Promise.withResolvers() };
      entry.active.promise.catch(() => {});
      entries[kind].set(name, entry);
      schedule();
    }
    const { active } = entry;
    // Its own function: the same one may be added twice.
    const own: Heard = (channel, message) => heard(channel, message);
    entry.heard.add(own);
    const end = () => {
      if (entry === undefined || !entry.heard.delete(own) || entry.heard.size > 0) return;
      entries[kind].delete(name);
      active.reject(new Error("unsubscribed"));
      if (isReady() && !disposed) unsend[kind](name).catch(() => {});
    };
    return { active: active.promise, end };
  };
  return {
    channel: (name, heard) => add("channel", name, heard),
    pattern: (pattern, heard) => add("pattern", pattern, heard),
    [Symbol.dispose]: () => {
      disposed = true;
      for (const kind of ["channel", "pattern"] as const)
        for (const { active } of entries[kind].values()) active.reject(new Error("the delivery plane is closed"));
    },
  };
};
