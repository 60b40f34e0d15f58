import { setTimeout as sleep } from "node:timers/promises";
import { MongoServerError, type Document } from "mongodb";
import { z } from "zod";
import { backoffMs, Misconfigured, type Log } from "#process";
import { makeCapped } from "./capped.ts";
import type { Connection } from "./connection.ts";
import { createSeen, idKey } from "./seen.ts";
import { createSequences } from "./sequences.ts";
import { tailable } from "./tailable.ts";

/** Of a collection that is made here. */
const SIZE_BYTES = 64 << 20;
const FIRST_MS = 10_000;
const CLOSE_MS = 1000;
const BACKOFF = { minMs: 50, maxMs: 3000 };
/** How many documents before the end reading begins; where the place is not among them, further back. */
const BACK = [500, 20_000, Infinity];

const reply = z.object({ cursor: z.object({ firstBatch: z.array(z.object({ _id: z.unknown() })) }) });
const counted = z.object({ n: z.number() });

/** The end of a capped collection, followed. */
export interface Tail extends AsyncDisposable {
  /** False while the server cannot be reached. */
  connected(): boolean;
  /** Resolves when all that is inserted from now on will be heard; rejects where the tail is closed before. */
  live(): Promise<void>;
}

interface TailOptions {
  connection: Connection;
  collection: string;
  /** A new `_id`, unlike all others. */
  id: () => string;
  /** Each document once, in natural order, from the opening on; what comes after it waits. Again where it rejected. */
  heard: (document: Document) => Promise<void> | undefined;
  /** The place last seen is no longer there: what lay between it and the oldest that is left was missed. */
  overrun: () => void;
  log: Log;
  /** bytes, where the collection is not there yet */
  size?: number;
  random?: () => number;
}

/**
 * Follows a capped collection by a tailable cursor. A cursor that died (server away, collection empty or made anew, overrun) is opened
 * again behind the document seen last. Where reading begins is a guess by the number of documents, which a mark of our own confirms:
 * if the mark comes before the place, the guess was too late. Resolves when it is live for the first time.
 */
export const openTail = async (options: TailOptions): Promise<Tail> => {
  const { connection, collection: name, id, heard, overrun, log, size = SIZE_BYTES, random = Math.random } = options;
  const seen = createSeen();
  const sequences = createSequences();
  const stopped = new AbortController();
  let live = Promise.withResolvers<void>();
  live.promise.catch(() => {});
  let isLive = false;
  let isAway = false;
  let failures = 0;
  let lastError: unknown;

  const mark = async (): Promise<string> => {
    const _id = id();
    await connection.db().command({ insert: name, documents: [{ _id, t: [] }], writeConcern: { w: 1 } });
    return _id;
  };
  /** The document seen last of those that are still there. */
  const lastKept = async (ids: unknown[]): Promise<string | undefined> => {
    const query = { find: name, filter: { _id: { $in: ids } }, projection: { _id: 1 }, batchSize: ids.length + 1 };
    const { firstBatch } = reply.parse(await connection.db().command(query)).cursor;
    const keys = new Set(firstBatch.map(({ _id }) => idKey(_id)));
    return ids.map(idKey).findLast((key) => keys.has(key));
  };
  /** The key behind which all is news; undefined: everything is. */
  const place = async (): Promise<string | undefined> => {
    const ids = seen.ids();
    if (ids.length === 0) return mark();
    const kept = await lastKept(ids);
    if (kept === undefined) {
      overrun();
      await mark();
    }
    return kept;
  };
  const reached = () => {
    isLive = true;
    isAway = false;
    failures = 0;
    live.resolve();
  };
  const hear = async (document: Document) => {
    if (seen.has(document["_id"])) return;
    await heard(document);
    seen.add(document["_id"]);
    sequences.add(document["_id"]);
  };
  /** First hears those of the same process that the cursor has passed by. */
  const hearInTurn = async (document: Document) => {
    const missing = sequences.missing(document["_id"]).filter((it) => !seen.has(it));
    if (missing.length > 0) {
      const passed = connection
        .db()
        .collection<{ _id: string }>(name)
        .find({ _id: { $in: missing } });
      const found = new Map((await passed.toArray()).map((it) => [it._id, it]));
      for (const it of missing) {
        const document = found.get(it);
        if (document !== undefined) await hear(document);
      }
    }
    await hear(document);
  };
  /** Reads from `skip` on until the cursor dies. */
  const follow = async (from: string | undefined, skip: number): Promise<void> => {
    let end: string | undefined;
    let isBehind = from === undefined;
    if (isBehind) reached();
    for await (const documents of tailable(connection.db(), name, { skip, signal: stopped.signal })) {
      for (const document of documents) {
        const { _id } = document;
        if (isBehind) {
          await hearInTurn(document);
          continue;
        }
        const key = idKey(_id);
        if (key === end) return;
        if (key !== from) continue;
        isBehind = true;
        seen.add(_id);
        reached();
      }
      if (!isBehind) end ??= await mark();
    }
  };
  const run = async () => {
    await makeCapped(connection.db(), name, size);
    const from = await place();
    const { n: count } = counted.parse(await connection.db().command({ count: name }));
    for (const back of from === undefined ? [Infinity] : BACK) {
      await follow(from, Math.max(0, count - back));
      if (isLive || back >= count) return;
    }
  };
  const down = (error: unknown) => {
    if (isLive) {
      live = Promise.withResolvers();
      live.promise.catch(() => {});
    }
    isLive = false;
    failures += 1;
    if (error === undefined) return;
    lastError = error;
    const fields = { err: error, collection: name };
    if (error instanceof MongoServerError) {
      // A cursor may die now and then; one that cannot be opened again is worth a line.
      if (failures === 3) log.warn(fields, "mongo does not let its collection be followed");
    } else if (!isAway) {
      isAway = true;
      log.warn(fields, "mongo is away");
    }
  };
  const keep = async () => {
    while (!stopped.signal.aborted) {
      let error: unknown;
      try {
        await run();
      } catch (thrown) {
        error = thrown;
      }
      if (stopped.signal.aborted) return;
      if (error instanceof Misconfigured) first.reject(error);
      down(error);
      await sleep(backoffMs(failures, BACKOFF, random), undefined, { signal: stopped.signal }).catch(() => {});
      if (error !== undefined) await connection.renew();
    }
  };
  const first = live;
  const running = keep();
  const close = async () => {
    stopped.abort();
    live.reject(new Error("the delivery plane is closed"));
    await Promise.race([running, sleep(CLOSE_MS, undefined, { ref: false })]);
  };
  const giveUp = setTimeout(
    () => first.reject(new Error(`${name} cannot be followed`, { cause: lastError })),
    FIRST_MS,
  );
  try {
    await first.promise;
  } catch (error) {
    await close();
    throw error;
  } finally {
    clearTimeout(giveUp);
  }
  log.info({ collection: name }, "mongo's collection is followed");
  return { connected: () => !isAway, live: () => live.promise, [Symbol.asyncDispose]: close };
};
