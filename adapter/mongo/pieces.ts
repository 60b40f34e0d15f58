import type { Binary, Db } from "mongodb";
import { bytesOf, type LargeRef } from "./document.ts";
import { retried } from "./retried.ts";

/** A document is at most 16 MiB. */
const PIECE_BYTES = 8 << 20;

interface Piece {
  _id: string;
  at: Date;
  m: Uint8Array | Binary;
}

/** Bytes in a collection of their own, in as many documents as they need. */
export interface Pieces {
  /** Resolves when the bytes are there, and only then may the reference be inserted. */
  put(message: Uint8Array): Promise<LargeRef>;
  /** Undefined where they are no longer all there. */
  fetch(ref: LargeRef): Promise<Uint8Array | undefined>;
}

const idOf = (id: string, index: number) => `${id}.${index}`;

export const createPieces = (options: { db: () => Db; collection: string; id: () => string }): Pieces => {
  const { db, collection, id } = options;
  const pieces = () => db().collection<Piece>(collection);
  return {
    put: async (message) => {
      const own = id();
      const count = Math.ceil(message.length / PIECE_BYTES);
      for (let at = 0; at < count; at += 1) {
        const m = message.subarray(at * PIECE_BYTES, (at + 1) * PIECE_BYTES);
        await retried(() => pieces().insertOne({ _id: idOf(own, at), at: new Date(), m }));
      }
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
  };
};
