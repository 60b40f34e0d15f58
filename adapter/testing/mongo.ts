import { MongoClient, type Db } from "mongodb";
import { eventually } from "#testing";

const EVERY_MS = 500;
const KEPT = 20;
/** Readers have taken in a document by then, on a machine under load too; a gateway that starts reads the log as it is left. */
const KEPT_MS = { bus: 4000, log: 10_000 };

/** Takes out, at each call, what was there so long ago. */
const shortener = (db: Db, name: string, keptMs: number) => {
  let found: { at: number; ids: unknown[] }[] = [];
  return async () => {
    const all = await db
      .collection(name)
      .find({}, { projection: { _id: 1 } })
      .toArray();
    const now = Date.now();
    found.push({ at: now, ids: all.slice(0, -KEPT).map(({ _id }) => _id) });
    const old = found.findLast(({ at }) => now - at > keptMs);
    if (old === undefined) return;
    found = found.slice(found.indexOf(old) + 1);
    if (old.ids.length > 0) await db.command({ delete: name, deletes: [{ q: { _id: { $in: old.ids } }, limit: 0 }] });
  };
};

/**
 * A cluster's collections, kept to what was inserted in the last seconds. FerretDB reads a whole collection to find what is new in it, and as
 * it is started here it takes nothing out of a capped one by itself.
 */
export const shortCollections = async (uri: string, cluster: string): Promise<AsyncDisposable> => {
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 1000 });
  const db = client.db("realtime");
  const bus = `${cluster}.bus`;
  // FerretDB's SQLite may be locked by others who make theirs.
  await eventually(() => db.createCollection(bus, { capped: true, size: 64 << 20 }));
  const isFerret = "ferretdbFeatures" in (await db.command({ buildInfo: 1 }));
  const shorten = [shortener(db, bus, KEPT_MS.bus), shortener(db, `${cluster}.log`, KEPT_MS.log)];
  let working = false;
  const timer = setInterval(() => {
    if (working || !isFerret) return;
    working = true;
    Promise.all(shorten.map((it) => it())).then(
      () => (working = false),
      () => (working = false),
    );
  }, EVERY_MS);
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await client.close();
    },
  };
};
