import { Long, type Db, type Document } from "mongodb";

const BATCH = 1000;
const AWAIT_MS = 2000;
const CLOSE_MS = 500;

const asLong = (id: unknown): Long => (id instanceof Long ? id : Long.fromNumber(Number(id)));

/**
 * A tailable cursor over a capped collection: its documents that match, behind the first `skip` of them, in batches as they come (an empty one at least
 * every 2 s), until it dies. By commands, since the driver's own cursor begins with a batch as large as the rest: FerretDB closes one
 * whose first batch is not full, as MongoDB does with an empty one. Aborted, it is killed at the server before its command is given up:
 * FerretDB's SQLite may stay locked where a client goes away in the middle of one.
 */
export async function* tailable(
  db: Db,
  collection: string,
  { filter = {}, skip = 0, signal }: { filter?: Document; skip?: number; signal: AbortSignal },
): AsyncGenerator<Document[], void> {
  signal.throwIfAborted();
  await using session = db.client.startSession();
  const late = new AbortController();
  const options = { session, signal: late.signal, promoteBuffers: true };
  let id = Long.ZERO;
  const kill = () => {
    if (!id.isZero()) db.command({ killCursors: collection, cursors: [id] }).catch(() => {});
    id = Long.ZERO;
    setTimeout(() => late.abort(), CLOSE_MS).unref();
  };
  signal.addEventListener("abort", kill);
  try {
    const find = { find: collection, filter, skip, batchSize: 1, tailable: true, awaitData: true };
    const { cursor } = await db.command(find, options);
    id = asLong(cursor.id);
    yield cursor.firstBatch;
    while (!id.isZero()) {
      const more = await db.command({ getMore: id, collection, batchSize: BATCH, maxTimeMS: AWAIT_MS }, options);
      if (signal.aborted) return;
      id = asLong(more["cursor"].id);
      yield more["cursor"].nextBatch;
    }
  } finally {
    signal.removeEventListener("abort", kill);
    kill();
  }
}
