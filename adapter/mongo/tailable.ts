import { setTimeout as sleep } from "node:timers/promises";
import { Long, type Db, type Document } from "mongodb";

const BATCH = 1000;
const AWAIT_MS = 2000;
const POLL_MS = 25;

const asLong = (id: unknown): Long => (id instanceof Long ? id : Long.fromNumber(Number(id)));

/**
 * FerretDB reads the whole collection every 10 ms while it awaits data, and where it is interrupted in the middle of that, its SQLite
 * may stay locked.
 */
const isFerret = async (db: Db): Promise<boolean> => "ferretdbVersion" in (await db.command({ buildInfo: 1 }));

/**
 * A tailable cursor over a capped collection: its documents that match, behind the first `skip` of them, in batches as they come (an empty one at least
 * every 2 s), until it dies. By commands, since the driver's own cursor begins with a batch as large as the rest: FerretDB closes one
 * whose first batch is not full, as MongoDB does with an empty one.
 */
export async function* tailable(
  db: Db,
  collection: string,
  { filter = {}, skip = 0, signal }: { filter?: Document; skip?: number; signal: AbortSignal },
): AsyncGenerator<Document[], void> {
  const awaitData = !(await isFerret(db));
  const timing = awaitData ? { maxTimeMS: AWAIT_MS } : {};
  await using session = db.client.startSession();
  const options = { session, signal, promoteBuffers: true };
  const find = { find: collection, filter, skip, batchSize: 1, tailable: true, awaitData };
  const { cursor } = await db.command(find, options);
  let id = asLong(cursor.id);
  yield cursor.firstBatch;
  while (!id.isZero()) {
    const more = await db.command({ getMore: id, collection, batchSize: BATCH, ...timing }, options);
    id = asLong(more["cursor"].id);
    const batch: Document[] = more["cursor"].nextBatch;
    yield batch;
    if (!awaitData && batch.length === 0) await sleep(POLL_MS, undefined, { signal });
  }
}
