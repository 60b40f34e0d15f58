import { setTimeout as sleep } from "node:timers/promises";
import { MongoServerError, type Db, type Document } from "mongodb";
import { Refusal } from "#crds";
import { backoffMs, type Log as Logger } from "#process";
import { handOver } from "../../log/hand-over.ts";
import type { LogMetrics } from "../../log/metrics.ts";
import type { Following, LogEntry, LogFollower, LogLimits, Place } from "../../log/port.ts";
import type { Pieces } from "../pieces.ts";
import { tailable } from "../tailable.ts";
import type { Chain } from "./chain.ts";
import { readLogDocument, sizeOf, type Head, type LargeEntry } from "./document.ts";
import { floorOf, goOn, standOf, type Start } from "./place.ts";

const BACKOFF = { minMs: 50, maxMs: 3000 };

interface FollowerOptions {
  db: () => Db;
  collection: string;
  limits: LogLimits;
  chain: Chain;
  pieces: Pieces;
  /** Told of each document, and of each error. */
  heard: (head: Head) => void;
  failed: (error: unknown) => void;
  metrics: LogMetrics;
  log: Logger;
  /** Ends it, at the latest. */
  closing: AsyncDisposableStack;
}

/** What is read before the oldest entry that is kept. */
interface Floor {
  /** As it was when reading began. */
  end: Head;
  /** What is passed over was asked for. */
  isAsked: boolean;
  isCut: boolean;
}

class Gap extends Error {}

const isKept = ({ end }: Floor, limits: LogLimits, index: number, bytesBefore: number): boolean =>
  index > floorOf(end, limits) && (end.total - bytesBefore <= limits.maxBytes || index === end.next - 1);

/** Follows a Log's collection by a tailable cursor, which is opened again at the last place when it died. Resolves when all that was there is handed over. */
export const followChain = async (from: Start, follower: LogFollower, options: FollowerOptions): Promise<Following> => {
  const { db, collection, limits, chain, pieces, heard, failed, metrics, log } = options;
  const stopped = new AbortController();
  const caughtUp = Promise.withResolvers<void>();
  let start = from;
  let place: Place = typeof from === "string" ? { epoch: "", index: 0 } : from;
  /** The entry expected, which may lie further on where the last place is cut off. */
  let next = place.index + 1;
  let isLoose = false;
  let floor: Floor | undefined;
  let seen: Head | undefined;
  let head: Head | undefined;
  let gapBefore = -1;
  let batch: LogEntry[] = [];
  let failures = 0;

  const flush = () => {
    const entries = batch;
    batch = [];
    const last = entries.at(-1);
    if (last === undefined) return;
    place = { epoch: place.epoch, index: last.index };
    start = place;
    handOver(() => follower.entries(place.epoch, entries), metrics, log);
  };
  const cut = (to: Place) => {
    flush();
    place = start = to;
    next = to.index + 1;
    metrics.cut();
    handOver(() => follower.cut(to), metrics, log);
  };
  const reach = () => {
    if (head !== undefined && (place.epoch !== head.epoch || next >= head.next)) caughtUp.resolve();
  };

  const takeEntry = async (index: number, it: Uint8Array | LargeEntry, bytesBefore: number) => {
    if (index < next) return;
    next = index + 1;
    if (floor !== undefined) {
      if (!isKept(floor, limits, index, bytesBefore)) {
        floor.isCut ||= floor.isAsked;
        return;
      }
      const before = { epoch: place.epoch, index: index - 1 };
      if (floor.isCut) cut(before);
      else place = before;
      floor = undefined;
      next = index + 1;
    }
    const bytes = it instanceof Uint8Array ? it : await pieces.fetch(it);
    if (bytes === undefined) cut({ epoch: place.epoch, index });
    else batch.push({ index, bytes });
  };
  const take = async (document: Document) => {
    const read = readLogDocument(document);
    if (read === undefined) {
      metrics.malformed();
      log.warn({ id: String(document["_id"]) }, "a document is none of the log");
      return;
    }
    const { head: it, entries } = read;
    const stand = standOf(it, { epoch: place.epoch, next });
    // Another stands where one was that is lost.
    if (it.id === seen?.id && it.writer !== seen.writer) throw new Gap();
    if (stand === "known" || stand === "earlier epoch") return;
    if (stand === "later epoch") {
      floor = undefined;
      cut({ epoch: it.epoch, index: Math.max(0, it.first - 1) });
    }
    if (stand === "gap" && !isLoose) {
      // A cursor may have passed one by: once more, and then it is lost.
      if (gapBefore !== it.first) {
        gapBefore = it.first;
        throw new Gap();
      }
      cut({ epoch: it.epoch, index: it.first - 1 });
    }
    isLoose = false;
    seen = it;
    let before = it.total - entries.reduce((sum, entry) => sum + sizeOf(entry), 0);
    for (const [at, entry] of entries.entries()) {
      await takeEntry(it.first + at, entry, before);
      before += sizeOf(entry);
    }
    next = it.next;
    heard(it);
  };

  /** Resolves with the document to read from. */
  const goIn = async (): Promise<string> => {
    await chain.prepare();
    const end = await chain.look();
    const found = typeof start === "string" ? undefined : await chain.upTo(start.epoch, start.index);
    const on = goOn(start, { end, found, seen, limits });
    head ??= end;
    isLoose = false;
    if (on.kind === "lost") {
      const renewed = await chain.renew(end.epoch);
      seen = undefined;
      floor = undefined;
      cut({ epoch: renewed.epoch, index: 0 });
      return renewed.id;
    }
    if (on.kind === "behind") {
      place = { epoch: end.epoch, index: on.index };
      next = on.index + 1;
      floor = start === "newest" ? undefined : { end, isAsked: true, isCut: false };
      start = place;
      seen = found ?? end;
      return seen.id;
    }
    place = { epoch: end.epoch, index: on.index };
    next = on.index + 1;
    seen = undefined;
    isLoose = true;
    floor = { end, isAsked: false, isCut: on.isCut };
    if (end.next === 1) {
      floor = undefined;
      if (on.isCut) cut(place);
    }
    return ((await chain.upTo(end.epoch, next)) ?? (await chain.from(end.epoch, next)) ?? end).id;
  };
  const follow = async () => {
    const id = await goIn();
    reach();
    for await (const documents of tailable(db(), collection, {
      filter: { _id: { $gte: id } },
      signal: stopped.signal,
    })) {
      try {
        for (const document of documents) await take(document);
      } finally {
        flush();
      }
      failures = 0;
      if (documents.length === 0) chain.learnNothing();
      reach();
    }
  };
  const listen = async () => {
    while (!stopped.signal.aborted) {
      try {
        await follow();
      } catch (error) {
        if (stopped.signal.aborted) return;
        if (!(error instanceof Gap)) failed(error);
        failures += 1;
        if (failures === 3 && error instanceof MongoServerError)
          log.warn({ err: error }, "the log could not be followed");
      }
      await sleep(backoffMs(Math.max(1, failures), BACKOFF), undefined, { signal: stopped.signal }).catch(() => {});
    }
  };
  const listening = listen();
  const end = async () => {
    stopped.abort();
    caughtUp.reject(new Refusal("delivery_unavailable", undefined, { cause: new Error("the log is closed") }));
    await listening;
  };
  options.closing.defer(end);
  await caughtUp.promise;
  return { place: () => place, [Symbol.asyncDispose]: end };
};
