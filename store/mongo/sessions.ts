import { MongoBulkWriteError, type AnyBulkWriteOperation } from "mongodb";
import type { Session, Sessions } from "../port.ts";
import type { Ask, Clock } from "./ask.ts";
import { bytesOf } from "./bytes-of.ts";
import { DUPLICATE, idOf, insertNew, type Collections, type SessionDocument } from "./collections.ts";

/** Sessions per round, so that one write is never large. */
const BATCH = 500;
/** How long one that was taken keeps earlier turns out, at least. */
const TAKEN_MS = 60_000;

const put = async (of: Collections, all: readonly Session[], expireAt: Date, now: number): Promise<void> => {
  const ids = all.map(({ pid }) => pid);
  const found = await of.sessions.find({ _id: { $in: ids } }, { projection: { turn: 1, expireAt: 1 } }).toArray();
  const held = new Map(found.map((session) => [session._id, session]));
  const operations = all.flatMap<AnyBulkWriteOperation<SessionDocument>>(({ pid, user, guest, turn, body }) => {
    const before = held.get(pid);
    const document: SessionDocument = { _id: pid, user, guest, turn, body: Buffer.from(body), expireAt };
    if (before === undefined) return [{ insertOne: { document } }];
    if (before.turn > turn && before.expireAt.getTime() > now) return [];
    return [{ replaceOne: { filter: { _id: pid, turn: before.turn }, replacement: document } }];
  });
  if (operations.length === 0) return;
  await of.sessions.bulkWrite(operations, { ordered: false }).catch((error: unknown) => {
    // Another process has put it at the same time.
    if (!(error instanceof MongoBulkWriteError && error.code === DUPLICATE)) throw error;
  });
};

/** Sessions of clients, a document each. Who takes one is decided by a mark for its next turn, which one caller alone can insert. */
export const mongoSessions = (ask: Ask, clock: Clock): Sessions => ({
  async put(sessions, ttlSeconds) {
    const latest = [...new Map(sessions.map((session) => [session.pid, session])).values()];
    for (let from = 0; from < latest.length; from += BATCH)
      await ask((of) => {
        const now = clock();
        return put(of, latest.slice(from, from + BATCH), new Date(now + ttlSeconds * 1000), now);
      });
  },
  async keep(pids, ttlSeconds) {
    const expireAt = new Date(clock() + ttlSeconds * 1000);
    const filter = { _id: { $in: [...pids] }, body: { $exists: true }, expireAt: { $gt: new Date(clock()) } };
    await ask(({ sessions }) => sessions.updateMany(filter, { $set: { expireAt } }));
  },
  take: (pid, { user, guest }) =>
    ask(async ({ sessions, marks }) => {
      const found = await sessions.findOne({ _id: pid });
      if (found?.body === undefined || found.expireAt.getTime() <= clock()) return undefined;
      const { user: owner = "", guest: isGuest = false } = found;
      if (owner !== user && !(guest && isGuest)) return undefined;
      const turn = found.turn + 1;
      const expireAt = new Date(Math.max(found.expireAt.getTime(), clock() + TAKEN_MS));
      if (!(await insertNew(marks, { _id: idOf("taken", pid, turn), expireAt }))) return undefined;
      await sessions.replaceOne({ _id: pid, turn: found.turn }, { turn, expireAt });
      return { pid, user: owner, guest: isGuest, turn, body: bytesOf(found.body) };
    }),
  drop: (pid, turn) => ask(async ({ sessions }) => void (await sessions.deleteOne({ _id: pid, turn: { $lte: turn } }))),
});
