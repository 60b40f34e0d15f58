import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { Refusal } from "#crds";
import type { Log as Logger } from "#process";
import { handOver } from "../log/hand-over.ts";
import type { LogMetrics } from "../log/metrics.ts";
import { createPending } from "../log/pending.ts";
import type { Following, LogEntry, LogFollower, LogLimits, OpenLog, Place } from "../log/port.ts";
import type { RedisConnection } from "#redis";
import { append, enter } from "./log-scripts.ts";

const BATCH_ENTRIES = 500;
const BATCH_BYTES = 1 << 20;
const READ_ENTRIES = 500;
const BLOCK_MS = 2000;
const RETRY_MS = 100;
/** What the connections of a Log must know. */
export const LOG_SCRIPTS = {
  logAppend: { lua: append, numberOfKeys: 2 },
  logEnter: { lua: enter, numberOfKeys: 2 },
};

/** The stream, and what is known of it; in a Cluster at one node. */
export const logKeys = (cluster: string) => [`realtime:{${cluster}}:log`, `realtime:{${cluster}}:log:meta`] as const;

type Argument = string | number | Buffer;
type Scripted = Record<`${keyof typeof LOG_SCRIPTS}Buffer`, (...args: Argument[]) => Promise<unknown>>;

const bytes = z.instanceof(Buffer);
const word = bytes.transform((it) => it.toString("latin1"));
const index = word.transform(Number);
const appended = z.tuple([word, index]);
const entered = z.tuple([word, index, z.number(), index]);
const streamEntry = z
  .tuple([bytes, z.array(bytes)])
  .transform(([id, [_e, epoch, _t, _total, _d, said = Buffer.alloc(0)]]) => ({
    index: Number.parseInt(id.toString("latin1"), 10),
    epoch: epoch?.toString("latin1") ?? "",
    bytes: said,
  }));
const streamed = z.union([z.null(), z.tuple([z.tuple([bytes, z.array(streamEntry)])])]);

const unavailable = (cause: unknown): Refusal => new Refusal("delivery_unavailable", undefined, { cause });

/** The connection there is. Throws where Redis is away. ioredis adds a method per script, and its types cannot know them. */
const scripted = (connection: RedisConnection) => {
  const redis = connection.current();
  if (redis === undefined) throw unavailable(new Error("redis is away"));
  return redis as typeof redis & Scripted;
};

export interface RedisLogOptions {
  cluster: string;
  limits: LogLimits;
  metrics: LogMetrics;
  log: Logger;
  /** To append with. */
  say: RedisConnection;
  /** Opens a connection of its own for each follower: it waits there for what comes. */
  hear: () => Promise<RedisConnection>;
  newEpoch?: () => string;
}

/**
 * The Log as a Redis stream, `realtime:{<cluster>}:log`, 6.2 or later. All that a process says in one turn is one call. A follower that
 * comes back shows the last entry that it saw: where Redis has lost it (a failover, a restart without its last second) a new epoch begins.
 */
export const redisLog = (options: RedisLogOptions): OpenLog => {
  const { cluster, limits, metrics, log, say, hear } = options;
  const { newEpoch = () => randomBytes(6).toString("base64url") } = options;
  const keys = logKeys(cluster);
  const [stream] = keys;
  const pending = createPending(metrics);
  let queue: Uint8Array[] = [];
  let queuedBytes = 0;

  const send = (entries: readonly Uint8Array[]) => {
    const { maxMessages, maxBytes } = limits;
    Promise.try(() =>
      scripted(say).logAppendBuffer(
        ...keys,
        newEpoch(),
        maxMessages,
        maxBytes,
        ...entries.map((it) => Buffer.from(it)),
      ),
    ).then(
      (reply) => {
        const [epoch, last] = appended.parse(reply);
        for (let at = last - entries.length + 1; at <= last; at += 1) pending.done({ epoch, index: at });
      },
      (error: unknown) => pending.fail(unavailable(error), entries.length),
    );
  };
  const flush = () => {
    if (queue.length === 0) return;
    const entries = queue;
    queue = [];
    queuedBytes = 0;
    send(entries);
  };

  const follow = async (from: Place | "oldest" | "newest", follower: LogFollower): Promise<Following> => {
    const connection = await hear();
    const caughtUp = Promise.withResolvers<void>();
    let start = from;
    let place: Place = typeof from === "string" ? { epoch: "", index: 0 } : from;
    let seen: Uint8Array = Buffer.alloc(0);
    let head = Infinity;
    const closing = new AbortController();

    const cut = (to: Place) => {
      place = to;
      seen = Buffer.alloc(0);
      metrics.cut();
      handOver(() => follower.cut(to), metrics, log);
    };
    const hand = (entries: LogEntry[]) => {
      const last = entries.at(-1);
      if (last === undefined) return;
      place = { epoch: place.epoch, index: last.index };
      seen = last.bytes;
      handOver(() => follower.entries(place.epoch, entries), metrics, log);
    };
    const take = (found: readonly (LogEntry & { epoch: string })[]) => {
      let whole: LogEntry[] = [];
      let expected = place.index + 1;
      for (const { index: at, epoch, bytes: said } of found) {
        if (epoch !== place.epoch || at !== expected) {
          hand(whole);
          whole = [];
          cut({ epoch, index: said.length === 0 ? at : at - 1 });
        }
        if (said.length > 0) whole.push({ index: at, bytes: said });
        expected = at + 1;
      }
      hand(whole);
      start = place;
      if (place.index >= head) caughtUp.resolve();
    };
    const goIn = async () => {
      const asked = typeof start === "string" ? ["", start, ""] : [start.epoch, start.index, Buffer.from(seen)];
      const [epoch, at, isCut, last] = entered.parse(
        await scripted(connection).logEnterBuffer(...keys, newEpoch(), ...asked),
      );
      if (isCut === 1) cut({ epoch, index: at });
      place = { epoch, index: at };
      start = place;
      head = Math.min(head, last);
      if (at >= head) caughtUp.resolve();
    };
    const listen = async () => {
      while (!closing.signal.aborted) {
        try {
          await goIn();
          while (!closing.signal.aborted) {
            const reply = await scripted(connection).xreadBuffer(
              ...(["COUNT", READ_ENTRIES, "BLOCK", BLOCK_MS, "STREAMS", stream, `${place.index}-1`] as const),
            );
            const read = streamed.parse(reply);
            if (read !== null) take(read[0][1]);
          }
        } catch (error) {
          if (closing.signal.aborted) return;
          if (connection.isReady()) log.warn({ err: error }, "the log could not be followed");
          await sleep(RETRY_MS, undefined, { ref: false });
        }
      }
    };
    const listening = listen();
    const end = async () => {
      closing.abort();
      caughtUp.reject(unavailable(new Error("the log is closed")));
      const closed = connection[Symbol.asyncDispose]();
      // It waits in a read.
      connection.current()?.disconnect();
      await closed;
      await listening;
    };
    stack.defer(end);
    await caughtUp.promise;
    return { place: () => place, [Symbol.asyncDispose]: end };
  };

  const stack = new AsyncDisposableStack();
  return {
    append: (entry) => {
      if (!say.isReady()) return pending.refuse(unavailable(new Error("redis is away")));
      if (!pending.hasRoom()) return pending.refuse(unavailable(new Error("too much waits")));
      if (queue.length === 0) queueMicrotask(flush);
      queue.push(entry);
      queuedBytes += entry.length;
      const added = pending.add(entry.length);
      if (queue.length >= BATCH_ENTRIES || queuedBytes >= BATCH_BYTES) flush();
      return added;
    },
    follow,
    connected: () => say.isReady(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};
