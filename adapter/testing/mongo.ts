import { MongoClient } from "mongodb";

const EVERY_MS = 500;
const MAX = 300;
const LARGE_BYTES = 1 << 20;
/** Readers have taken in a large document by then. */
const LARGE_MS = 3000;

/**
 * A cluster's collection, kept to 300 documents, and large ones for 3 s. FerretDB reads a whole collection to find what is new in it, and as
 * it is started here it takes nothing out of a capped one by itself, only when asked.
 */
export const shortCollection = async (uri: string, cluster: string): Promise<AsyncDisposable> => {
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 1000 });
  const db = client.db("realtime");
  const name = `${cluster}.bus`;
  await db.createCollection(name, { capped: true, size: 64 << 20, max: MAX });
  const isFerret = "ferretdbFeatures" in (await db.command({ buildInfo: 1 }));
  let largeSince: number | undefined;
  const shorten = async () => {
    await db.command({ compact: name, force: true });
    const { size } = await db.command({ collStats: name });
    largeSince = Number(size) > LARGE_BYTES ? (largeSince ?? Date.now()) : undefined;
    if (largeSince === undefined || Date.now() - largeSince < LARGE_MS) return;
    const all = db.collection(name).find({}, { projection: { _id: 1 } });
    const ids = (await all.toArray()).map(({ _id }) => _id);
    await db.collection(name).deleteMany({ _id: { $in: ids.slice(0, -10) } });
  };
  let working = false;
  const timer = setInterval(() => {
    if (working || !isFerret) return;
    working = true;
    shorten().then(
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
