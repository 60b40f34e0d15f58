import { MongoServerError } from "mongodb";
import type { Db } from "mongodb";
import type { Log } from "#process";
import { createPieces, type Pieces } from "./pieces.ts";
import { retried } from "./retried.ts";

/** What is larger lies outside of the ring, which a few of 16 MB would empty of all else. */
export const LARGE_BYTES = 256 << 10;
const KEPT_MS = 60_000;
const NOT_IMPLEMENTED = 238;

/** The collection beside the ring. What lies there is taken away after a minute, by whoever put it there and by its time to live. */
export type Large = Pieces & Disposable;

interface LargeOptions {
  db: () => Db;
  collection: string;
  id: () => string;
  log: Log;
  keptMs?: number;
}

export const createLarge = ({ db, collection, id, log, keptMs = KEPT_MS }: LargeOptions): Large => {
  const { put, fetch } = createPieces({ db, collection, id });
  let indexed = false;
  let sweeping: NodeJS.Timeout | undefined;
  const pieces = () => db().collection(collection);

  const index = async () => {
    if (indexed) return;
    await retried(() =>
      pieces()
        .createIndex({ at: 1 }, { expireAfterSeconds: Math.ceil(keptMs / 1000) })
        .catch((error: unknown) => {
          if (!(error instanceof MongoServerError && error.code === NOT_IMPLEMENTED)) throw error;
        }),
    );
    indexed = true;
  };
  const sweep = async () => {
    sweeping = undefined;
    try {
      await pieces().deleteMany({ at: { $lt: new Date(Date.now() - keptMs) } });
    } catch (error) {
      log.debug({ err: error, collection }, "large messages stay for now");
    }
  };
  return {
    put: async (message) => {
      await index();
      const ref = await put(message);
      sweeping ??= setTimeout(() => void sweep(), keptMs + 1000).unref();
      return ref;
    },
    fetch,
    [Symbol.dispose]: () => clearTimeout(sweeping),
  };
};
