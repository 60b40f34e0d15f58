import { setTimeout as sleep } from "node:timers/promises";
import { MongoServerError, type Db } from "mongodb";
import { z } from "zod";
import { Refusal } from "#crds";
import { backoffMs } from "#process";
import type { LogMetrics } from "../../log/metrics.ts";
import { createPending } from "../../log/pending.ts";
import type { Place } from "../../log/port.ts";
import { LARGE_BYTES } from "../large.ts";
import type { Pieces } from "../pieces.ts";
import { DUPLICATE } from "../retried.ts";
import type { Chain } from "./chain.ts";
import { headOf, idOf, sizeOf, type Head, type LargeEntry, type LogDocument } from "./document.ts";

const BATCH_ENTRIES = 500;
/** A document is at most 16 MiB. */
const BATCH_BYTES = 8 << 20;
const ENTRY_BYTES = 64 << 20;
const ATTEMPTS = 5;
const BACKOFF = { minMs: 10, maxMs: 500 };
const CONTENDED_MS = 1000;
const MAX_REST_MS = 50;
const TURN = 8;
/** Who is passed by so often looks for the end itself. */
const LOOK_EVERY = 8;
const CLOSE_MS = 1000;

/** The one way into the Log of this process: one insert under way, and what comes meanwhile is one document of the next. */
export interface Appender extends AsyncDisposable {
  append(bytes: Uint8Array): Promise<Place>;
  /** The server went away: nobody knows of what was not answered. */
  away(reason: unknown): void;
  /** Somebody else appends too. */
  contended(): void;
}

interface AppenderOptions {
  db: () => Db;
  collection: string;
  chain: Chain;
  pieces: Pieces;
  /** A name for a document, unlike all others. */
  name: () => string;
  connected: () => boolean;
  /** Told of each error that came instead of an answer. */
  failed: (error: unknown) => void;
  metrics: LogMetrics;
  clock?: () => number;
}

const unavailable = (cause: unknown): Refusal => new Refusal("delivery_unavailable", undefined, { cause });
const reply = z.object({
  writeErrors: z.array(z.object({ index: z.number(), code: z.number(), errmsg: z.string().default("") })).default([]),
});

export const createAppender = (options: AppenderOptions): Appender => {
  const { db, collection, chain, pieces, name, connected, failed, metrics, clock = Date.now } = options;
  const pending = createPending(metrics);
  let queue: Uint8Array[] = [];
  let sending: Promise<void> | undefined;
  let outages = 0;
  let contendedAt = -Infinity;
  let restUntil = -Infinity;
  let entered = 0;

  const take = (): Uint8Array[] => {
    let size = 0;
    const end = queue.findIndex((bytes, count) => {
      size += Math.min(bytes.length, LARGE_BYTES);
      return count === BATCH_ENTRIES || (count > 0 && size > BATCH_BYTES);
    });
    return queue.splice(0, end < 0 ? queue.length : end);
  };
  const lay = async (bytes: Uint8Array): Promise<Uint8Array | LargeEntry> =>
    bytes.length > LARGE_BYTES ? { ...(await pieces.put(bytes)), size: bytes.length } : bytes;

  /**
   * Shows the server the document before, which it refuses as a duplicate; where it takes it, this is not the log that we know. Resolves
   * with the indexes of what was refused.
   */
  const insert = async (end: Head, document: LogDocument): Promise<Set<number>> => {
    const answer = await db().command({
      insert: collection,
      documents: [{ _id: end.id, w: "", n: end.next, t: end.total, b: [] }, document],
      ordered: false,
      writeConcern: { w: 1 },
    });
    const { writeErrors } = reply.parse(answer);
    const other = writeErrors.find(({ code }) => code !== DUPLICATE);
    if (other !== undefined) throw new MongoServerError({ message: other.errmsg, code: other.code });
    return new Set(writeErrors.map(({ index }) => index));
  };
  const isThere = async ({ _id, w }: LogDocument): Promise<boolean> =>
    (
      await db()
        .collection<LogDocument>(collection)
        .findOne({ _id }, { projection: { w: 1 } })
    )?.w === w;
  const tried = async (end: Head, document: LogDocument): Promise<{ isLost: boolean; isIn: boolean }> => {
    for (let failures = 0; ;) {
      try {
        const refused = await insert(end, document);
        const isIn = !refused.has(1) || (failures > 0 && (await isThere(document)));
        return { isLost: !refused.has(0), isIn };
      } catch (error) {
        failures += 1;
        if (!(error instanceof MongoServerError) || failures === ATTEMPTS) throw error;
        await sleep(backoffMs(failures, BACKOFF));
      }
    }
  };
  /** Behind the end, wherever that is by then. Resolves with the place before the first of them. */
  const enter = async (b: LogDocument["b"]): Promise<Place> => {
    const size = b.reduce((sum, it) => sum + sizeOf(it), 0);
    for (let tries = 1; ; tries += 1) {
      const end = await chain.end();
      const { epoch, next, total } = end;
      const document: LogDocument = { _id: idOf(epoch, next), w: name(), n: next + b.length, t: total + size, b };
      const { isLost, isIn } = await tried(end, document);
      if (isLost) {
        await chain.renew(epoch);
        throw new Error("the log was made anew, or has lost its end");
      }
      if (isIn) {
        chain.learn(headOf(document));
        return { epoch, index: next - 1 };
      }
      contendedAt = clock();
      await (tries % LOOK_EVERY === 0 ? chain.look() : chain.pass(end));
    }
  };

  const fail = (reason: unknown) => {
    outages += 1;
    queue = [];
    pending.fail(unavailable(reason));
  };
  /**
   * To append behind another's document takes two round trips, and behind one's own one: who is quick must let others in. Where they are
   * known to be there, after each document; else now and then, since who never gets in is not seen.
   */
  const restMs = (roundTripMs: number, now: number): number => {
    entered += 1;
    const trips = now - contendedAt < CONTENDED_MS ? 1 : entered % TURN === 0 ? 3 : 0;
    return Math.min(trips * roundTripMs, MAX_REST_MS);
  };
  const rest = async () => {
    const ms = restUntil - clock();
    if (ms > 0) await sleep(ms);
  };
  const send = async () => {
    while (queue.length > 0) {
      await rest();
      const batch = take();
      const outage = outages;
      try {
        const b: LogDocument["b"] = [];
        for (const bytes of batch) b.push(await lay(bytes));
        const before = clock();
        const { epoch, index } = await enter(b);
        const now = clock();
        restUntil = now + restMs(now - before, now);
        if (outage === outages) for (const at of batch.keys()) pending.done({ epoch, index: index + 1 + at });
      } catch (error) {
        chain.forget();
        failed(error);
        if (outage === outages) pending.fail(unavailable(error), batch.length);
      }
    }
  };
  /** Begins in a microtask, so that what one turn says goes together. */
  const start = () => {
    sending ??= Promise.resolve()
      .then(send)
      .finally(() => {
        sending = undefined;
        if (queue.length > 0) start();
      });
  };
  return {
    append: (bytes) => {
      if (!connected()) return pending.refuse(unavailable(new Error("mongo is away")));
      if (!pending.hasRoom()) return pending.refuse(unavailable(new Error("too much waits")));
      if (bytes.length > ENTRY_BYTES) return pending.refuse(unavailable(new Error("an entry is at most 64 MiB")));
      queue.push(bytes);
      start();
      return pending.add(bytes.length);
    },
    away: fail,
    contended: () => (contendedAt = clock()),
    [Symbol.asyncDispose]: async () => {
      await Promise.race([sending, sleep(CLOSE_MS, undefined, { ref: false })]);
      fail(new Error("the log is closed"));
    },
  };
};
