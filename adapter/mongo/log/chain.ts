import type { Db, Filter, Sort } from "mongodb";
import type { Log } from "#process";
import { retried } from "../retried.ts";
import { isPrepared, prepareCollection } from "./collection.ts";
import { epochAfter, idOf, OURS, readHead, ROOT, type Head, type LogDocument } from "./document.ts";

/** More than a follower may hear nothing: as long, what is known of the end may be used. The ring cannot go round in it. */
const FRESH_MS = 2500;

/** The documents of a Log: each stands behind the one whose `n` is its index, and where nothing stands behind, it may be appended. */
export interface Chain {
  /** Makes the collection where it is not there. Throws Misconfigured where one of that name holds something else. */
  prepare(): Promise<void>;
  /** The last document, as known lately. */
  end(): Promise<Head>;
  /** The same, now: of a collection that is empty, and behind an epoch that has ended, a new epoch begins. */
  look(): Promise<Head>;
  /** The end as known after somebody else has appended behind `end`: whoever did so, or who came further. */
  pass(end: Head): Promise<Head>;
  /** The document with the highest index up to that one, if there is any left. */
  upTo(epoch: string, index: number): Promise<Head | undefined>;
  /** The first that is left, from that index on. */
  from(epoch: string, index: number): Promise<Head | undefined>;
  /** What is there is not what somebody has seen of this epoch: a later one begins, for everyone, unless it has. Resolves with the last document. */
  renew(epoch: string): Promise<Head>;
  /** It stands in the collection. */
  learn(head: Head): void;
  /** Nothing has come behind the last one learned. */
  learnNothing(): void;
  forget(): void;
}

interface ChainOptions {
  db: () => Db;
  collection: string;
  size: number;
  /** A name for a document, unlike all others. */
  name: () => string;
  log: Log;
  clock?: () => number;
  random?: () => number;
}

const HEAD = { _id: 1, w: 1, n: 1, t: 1, s: 1 } as const;
const FIRST = { _id: 1 } as const;
const LAST = { _id: -1 } as const;

export const createChain = (options: ChainOptions): Chain => {
  const { db, collection: name, size, name: nameOf, log, clock = Date.now, random = Math.random } = options;
  const collection = () => db().collection<LogDocument>(name);
  let known: { head: Head; at: number } | undefined;

  const find = (filter: Filter<LogDocument>, sort: Sort) => collection().findOne(filter, { sort, projection: HEAD });
  /** By its whole `_id`, which FerretDB finds without reading all. */
  const byId = async (id: string) => readHead(await collection().findOne({ _id: id }, { projection: HEAD }));
  const insert = (document: LogDocument) => retried(() => collection().insertOne(document, { writeConcern: { w: 1 } }));
  /** By the server's clock: all who begin an epoch share it. */
  const newEpoch = async (former: string) => {
    const { localTime } = await db().command({ hello: 1 });
    return epochAfter(former, localTime instanceof Date ? localTime.getTime() : clock(), random);
  };
  /** Whoever inserts it names the next epoch: of all who do so one can. */
  const endEpoch = async ({ epoch, next, total }: Pick<Head, "epoch" | "next" | "total">) =>
    insert({ _id: idOf(epoch, next), w: nameOf(), n: next + 1, t: total, b: [], s: await newEpoch(epoch) });

  const prepare = async () => {
    const bytes = await prepareCollection({ db: db(), name, size, self: nameOf() });
    if (bytes !== undefined && bytes < size)
      log.warn(
        { collection: name, bytes, needed: size },
        "the log keeps less than it is asked to: its collection was made smaller",
      );
  };
  const look = async (): Promise<Head> => {
    for (;;) {
      const last = await find(OURS, LAST);
      const head = readHead(last);
      if (!(await isPrepared(db(), name))) {
        await prepare();
      } else if (last === null) {
        await endEpoch({ epoch: ROOT, next: 0, total: 0 });
      } else if (head === undefined) {
        const [epoch = "", index = ""] = last._id.split(".");
        await endEpoch({ epoch, next: Number.parseInt(index, 36) + 1, total: 0 });
      } else if (head.successor !== undefined) {
        await insert({ _id: idOf(head.successor, 0), w: nameOf(), n: 1, t: 0, b: [] });
      } else {
        known = { head, at: clock() };
        return head;
      }
    }
  };
  const renew = async (epoch: string) => {
    for (;;) {
      const last = await look();
      if (last.epoch > epoch) return last;
      await endEpoch(last);
    }
  };
  const learn = (head: Head) => {
    if (known === undefined || head.id >= known.head.id) known = { head, at: clock() };
    return known.head;
  };
  return {
    prepare,
    look,
    pass: async ({ id, epoch, next, writer }) => {
      const head = await byId(idOf(epoch, next));
      if (head === undefined || head.successor !== undefined) return look();
      // It stands behind the end that was known, or this is not the log any more.
      return (await byId(id))?.writer === writer ? learn(head) : renew(epoch);
    },
    end: async () => (known !== undefined && clock() - known.at < FRESH_MS ? known.head : look()),
    upTo: async (epoch, index) =>
      readHead(await find({ _id: { $gte: idOf(epoch, 0), $lte: idOf(epoch, index) } }, LAST)),
    from: async (epoch, index) => readHead(await find({ _id: { $gte: idOf(epoch, index), $lt: `${epoch}.~` } }, FIRST)),
    renew,
    learn: (head) => void learn(head),
    learnNothing: () => {
      if (known !== undefined) known.at = clock();
    },
    forget: () => (known = undefined),
  };
};
