import { MongoClient } from "mongodb";

const EVERY_MS = 500;
const MAX = 300;

/**
 * A cluster's collection, kept to 300 documents. FerretDB reads a whole collection to find what is new in it, and as it is started here it
 * takes nothing out of a capped one by itself, only when asked.
 */
export const shortCollection = async (uri: string, cluster: string): Promise<AsyncDisposable> => {
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 1000 });
  const db = client.db("realtime");
  await db.createCollection(`${cluster}.bus`, { capped: true, size: 64 << 20, max: MAX });
  const isFerret = "ferretdbFeatures" in (await db.command({ buildInfo: 1 }));
  const timer = setInterval(() => {
    if (isFerret) db.command({ compact: `${cluster}.bus`, force: true }).catch(() => {});
  }, EVERY_MS);
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await client.close();
    },
  };
};
