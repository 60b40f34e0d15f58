import { MongoBulkWriteError } from "mongodb";
import type { Sessions } from "../port.ts";
import type { Ask, Clock } from "./ask.ts";
import { bytesOf } from "./bytes-of.ts";
import { DUPLICATE, idOf, insertNew, type Collections, type SessionDocument } from "./collections.ts";

/** Sessions per round, so that one write is never large. */
const BATCH = 500;
/** How long one that was taken keeps earlier turns out, at least. */
const TAKEN_MS = 60_000;
/** Before all that is put of the turn. */
const TAKEN_VERSION = -1;

type Written = Pick<SessionDocument, "pid" | "turn" | "version">;

/** Of each session what was written of it last. */
const newestOf = <T extends Written>(all: readonly T[]): Map<string, T> => {
  const sorted = [...all].sort((a, b) => a.turn - b.turn || a.version - b.version);
  return new Map(sorted.map((it) => [it.pid, it]));
};

const insert = async ({ sessions }: Collections, documents: SessionDocument[]): Promise<void> => {
  await sessions.insertMany(documents, { ordered: false }).catch((error: unknown) => {
    const errors = error instanceof MongoBulkWriteError ? [error.writeErrors].flat() : [];
    // That version is here already.
    if (errors.length === 0 || errors.some(({ code }) => code !== DUPLICATE)) throw error;
  });
};
const removeOlder = async ({ sessions }: Collections, pids: readonly string[], now: number): Promise<void> => {
  const projection = { pid: 1, turn: 1, version: 1, expireAt: 1 } as const;
  const all = await sessions.find({ pid: { $in: [...pids] } }, { projection }).toArray();
  const isHere = ({ expireAt }: Pick<SessionDocument, "expireAt">) => expireAt.getTime() > now;
  const newest = newestOf(all.filter(isHere));
  const gone = all.filter((it) => !isHere(it) || (it.version !== TAKEN_VERSION && newest.get(it.pid) !== it));
  if (gone.length > 0) await sessions.deleteMany({ _id: { $in: gone.map(({ _id }) => _id) } });
};

/**
 * Sessions of clients: a document for each version, of which the newest counts, and one without a body for each turn that was taken, which
 * one caller alone can insert. Nothing is replaced: FerretDB reads what it updates, and writes it back over what came between.
 */
export const mongoSessions = (ask: Ask, clock: Clock): Sessions => ({
  async put(all, ttlSeconds) {
    for (let from = 0; from < all.length; from += BATCH) {
      const some = all.slice(from, from + BATCH);
      await ask(async (of) => {
        const now = clock();
        const expireAt = new Date(now + ttlSeconds * 1000);
        const documents = some.map(({ pid, turn, version, user, guest, body }): SessionDocument => {
          return { _id: idOf(pid, turn, version), pid, turn, version, user, guest, body: Buffer.from(body), expireAt };
        });
        await insert(of, documents);
        const pids = some.map(({ pid }) => pid);
        await removeOlder(of, pids, now);
      });
    }
  },
  async keep(pids, ttlSeconds) {
    const now = clock();
    const filter = { pid: { $in: [...pids] }, body: { $exists: true }, expireAt: { $gt: new Date(now) } };
    await ask(({ sessions }) => sessions.updateMany(filter, { $set: { expireAt: new Date(now + ttlSeconds * 1000) } }));
  },
  take: (pid, { user, guest }) =>
    ask(async ({ sessions }) => {
      const here = await sessions.find({ pid, expireAt: { $gt: new Date(clock()) } }).toArray();
      const found = newestOf(here).get(pid);
      if (found === undefined) return undefined;
      if (found.body === undefined) return "taken";
      const { user: owner = "", guest: isGuest = false, version } = found;
      if (owner !== user && !(guest && isGuest)) return undefined;
      const turn = found.turn + 1;
      const expireAt = new Date(Math.max(found.expireAt.getTime(), clock() + TAKEN_MS));
      const mark: SessionDocument = { _id: idOf(pid, turn), pid, turn, version: TAKEN_VERSION, expireAt };
      if (!(await insertNew(sessions, mark))) return "taken";
      await sessions.deleteMany({ pid, turn: { $lt: turn }, version: { $ne: TAKEN_VERSION } });
      return { pid, user: owner, guest: isGuest, turn, version, body: bytesOf(found.body) };
    }),
  drop: (pid, turn) => ask(async ({ sessions }) => void (await sessions.deleteMany({ pid, turn: { $lte: turn } }))),
});
