import { randomUUID } from "node:crypto";
import { MongoBulkWriteError } from "mongodb";
import {
  boundedEntry,
  isEnd,
  jobKey,
  LEDGER_LIMITS,
  ledgerEntry,
  mergeEntry,
  type LedgerEntry,
  type LedgerRecord,
} from "#crds";
import type { Ledger } from "../port.ts";
import type { Ask, Clock } from "./ask.ts";
import { DUPLICATE, idOf, type Collections, type JobDocument, type ListName } from "./collections.ts";
import { createRoom } from "./ledger-room.ts";

/** Entries per round, so that one write is never large. */
const BATCH = 500;
const ROUNDS = 20;

const listOf = ({ state }: LedgerEntry): ListName =>
  isEnd(state) ? "finished" : state === "running" ? "running" : "waiting";

const timeOf = (entry: LedgerEntry): number | undefined =>
  isEnd(entry.state) ? entry.endedAt : entry.state === "running" ? entry.startedAt : entry.queuedAt;

const keptMs = (list: ListName): number => (list === "finished" ? LEDGER_LIMITS.finishedMs : LEDGER_LIMITS.openMs);

const recordOf = ({ record }: Pick<JobDocument, "record">): LedgerRecord => {
  const { entry, erred }: { entry: unknown; erred: number } = JSON.parse(record);
  return { entry: ledgerEntry.parse(entry), erred };
};

const documentOf = (_id: string, record: LedgerRecord, held: JobDocument | undefined, now: number): JobDocument => {
  const list = listOf(record.entry);
  return {
    _id,
    rev: randomUUID(),
    record: JSON.stringify(record),
    pool: record.entry.pool,
    list,
    at: timeOf(record.entry) ?? (held?.list === list ? held.at : now),
    expireAt: new Date(now + keptMs(list)),
  };
};

/** Writes what nobody has changed meanwhile; returns the ids of the rest. */
const write = async (
  jobs: Collections["jobs"],
  documents: readonly JobDocument[],
  held: ReadonlyMap<string, JobDocument>,
): Promise<Set<string>> => {
  const operations = documents.map((document) => {
    const before = held.get(document._id);
    return before === undefined
      ? { insertOne: { document } }
      : { replaceOne: { filter: { _id: document._id, rev: before.rev }, replacement: document } };
  });
  const all = async (): Promise<number> => {
    try {
      const { insertedCount, matchedCount } = await jobs.bulkWrite(operations, { ordered: false });
      return insertedCount + matchedCount;
    } catch (error) {
      if (error instanceof MongoBulkWriteError && error.code === DUPLICATE) return -1;
      throw error;
    }
  };
  if ((await all()) === documents.length) return new Set();
  const found = await jobs
    .find({ _id: { $in: documents.map(({ _id }) => _id) } }, { projection: { rev: 1 } })
    .toArray();
  const revs = new Map(found.map(({ _id, rev }) => [_id, rev]));
  return new Set(documents.flatMap(({ _id, rev }) => (revs.get(_id) === rev ? [] : [_id])));
};

/**
 * The ledger in MongoDB: read, merged here, and written where nobody else has written meanwhile, else read again; the rule is `mergeEntry`,
 * to which it does no harm to be applied twice.
 */
export const mongoLedger = (ask: Ask, clock: Clock, finishedKept?: number): Ledger => {
  const room = createRoom(clock, finishedKept);
  const isLive = ({ expireAt }: JobDocument) => expireAt.getTime() > clock();

  const recordSome = async (of: Collections, entries: readonly LedgerEntry[]): Promise<void> => {
    const byJob = Map.groupBy(entries, ({ user, id }) => jobKey(user, id));
    const left = new Set(byJob.keys());
    for (let round = 0; left.size > 0; round += 1) {
      if (round === ROUNDS) throw new Error(`${left.size} jobs are changed by others all the time`);
      const found = await of.jobs.find({ _id: { $in: [...left] } }).toArray();
      const held = new Map(found.map((document) => [document._id, document]));
      const documents: JobDocument[] = [];
      for (const key of left) {
        const before = held.get(key);
        const live = before !== undefined && isLive(before) ? before : undefined;
        const record = (byJob.get(key) ?? []).reduce<LedgerRecord | undefined>(
          mergeEntry,
          live === undefined ? undefined : recordOf(live),
        );
        if (record === undefined) continue;
        const document = documentOf(key, record, live, clock());
        if (before !== undefined || (await room.admits(of.jobs, document))) documents.push(document);
      }
      const again = await write(of.jobs, documents, held);
      for (const key of left) if (!again.has(key)) left.delete(key);
      await room.trim(of.jobs, documents);
    }
  };

  return {
    async record(entries) {
      for (let from = 0; from < entries.length; from += BATCH)
        await ask((of) => recordSome(of, entries.slice(from, from + BATCH).map(boundedEntry)));
    },
    async get(user, id) {
      const found = await ask(({ jobs }) => jobs.findOne({ _id: jobKey(user, id) }));
      return found === null || !isLive(found) ? undefined : recordOf(found).entry;
    },
    overview: (pool, limit) =>
      ask(async ({ jobs }) => {
        const live = { expireAt: { $gt: new Date(clock()) } };
        const some = async (list: ListName, direction: 1 | -1): Promise<LedgerEntry[]> => {
          if (limit < 1) return [];
          const found = jobs.find({ pool, list, ...live }).sort({ at: direction });
          const documents = await found.limit(Math.min(limit, LEDGER_LIMITS.overview)).toArray();
          return documents.map((document) => recordOf(document).entry);
        };
        const [waiting, queued, running, finished] = await Promise.all([
          jobs.countDocuments({ pool, list: "waiting", ...live }),
          some("waiting", 1),
          some("running", 1),
          some("finished", -1),
        ]);
        return { waiting, queued, running, finished };
      }),
    requestCancel: (user, id) =>
      ask(async ({ marks }) => {
        const expireAt = new Date(clock() + LEDGER_LIMITS.markMs);
        await marks.updateOne({ _id: idOf("cancel", jobKey(user, id)) }, { $set: { expireAt } }, { upsert: true });
      }),
    cancelRequested: (user, id) =>
      ask(async ({ marks }) => {
        const found = await marks.findOne({ _id: idOf("cancel", jobKey(user, id)) });
        return found !== null && found.expireAt.getTime() > clock();
      }),
  };
};
