import { MongoServerError, type Binary, type Db } from "mongodb";
import type { Log } from "#process";
import { bytesOf, type LargeRef } from "./document.ts";
import { retried } from "./retried.ts";

/** What is larger lies outside of the ring, which a few of 16 MB would empty of all else. */
export const LARGE_BYTES = 256 << 10;
/** A document is at most 16 MiB. */
const PIECE_BYTES = 8 << 20;
const KEPT_MS = 60_000;
const NOT_IMPLEMENTED = 238;

interface Piece {
  _id: string;
  at: Date;
  m: Uint8Array | Binary;
}

/** The collection beside the ring. What lies there is taken away after a minute, by whoever put it there and by its time to live. */
export interface Large extends Disposable {
  /** Resolves when the bytes are there, and only then may the reference be inserted. */
  put(message: Uint8Array): Promise<LargeRef>;
  /** Undefined where they are no longer all there. */
  fetch(ref: LargeRef): Promise<Uint8Array | undefined>;
}

interface LargeOptions {
  db: () => Db;
  collection: string;
  id: () => string;
  log: Log;
  keptMs?: number;
}

const idOf = (id: string, index: number) => `${id}.${index}`;

export const createLarge = ({ db, collection, id, log, keptMs = KEPT_MS }: LargeOptions): Large => {
  let indexed = false;
  let sweeping: NodeJS.Timeout | undefined;
  const pieces = () => db().collection<Piece>(collection);

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
      const own = id();
      const count = Math.ceil(message.length / PIECE_BYTES);
      for (let at = 0; at < count; at += 1) {
        const m = message.subarray(at * PIECE_BYTES, (at + 1) * PIECE_BYTES);
        await retried(() => pieces().insertOne({ _id: idOf(own, at), at: new Date(), m }));
      }
      sweeping ??= setTimeout(() => void sweep(), keptMs + 1000).unref();
      return { id: own, pieces: count };
    },
    fetch: async (ref) => {
      const found: Uint8Array[] = [];
      for (let at = 0; at < ref.pieces; at += 1) {
        const bytes = bytesOf((await pieces().findOne({ _id: idOf(ref.id, at) }, { promoteBuffers: true }))?.m);
        if (bytes === undefined) return undefined;
        found.push(bytes);
      }
      return found.length === 1 ? found[0] : Buffer.concat(found);
    },
    [Symbol.dispose]: () => clearTimeout(sweeping),
  };
};
