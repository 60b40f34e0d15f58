import { randomUUID } from "node:crypto";
import type { StoreOptions } from "../index.ts";
import type { Store } from "../port.ts";
import type { Ask } from "./ask.ts";
import { collectionsOf, idOf, insertNew, makeIndexes } from "./collections.ts";
import { connectMongo } from "./connection.ts";
import { mongoLedger } from "./ledger.ts";
import { mongoPresence } from "./presence.ts";
import { mongoSessions } from "./sessions.ts";
import { mongoHistory, mongoIds, mongoRevocations } from "./small.ts";

/** How often a store looks whether the data are still those it wrote to. */
const BEAT_MS = 5000;
const NEVER = new Date("9999-01-01");

/**
 * The store in MongoDB, in collections whose names begin with `<cluster>.`. Rejects where the server does not answer within 10 s; later
 * the driver reconnects by itself, with settings read anew.
 */
export const openMongoStore = async (
  { cluster, node, settings, log }: StoreOptions,
  { beatMs = BEAT_MS, finishedKept }: { beatMs?: number; finishedKept?: number } = {},
): Promise<Store> => {
  await using opening = new AsyncDisposableStack();
  const mongo = opening.use(await connectMongo({ settings, name: node, log }));
  const ask: Ask = (commands) => mongo.ask((db) => commands(collectionsOf(db, cluster)));
  const listeners = new Set<() => void>();
  /** ms by which the server's clock is ahead of ours */
  let ahead = 0;
  const clock = () => Date.now() + ahead;
  let epoch: string | undefined;
  let doubt = false;
  let beating = false;

  const look = async (): Promise<[epoch: string | undefined, evicted: boolean]> => {
    const asked = Date.now();
    const { localTime } = await mongo.ask((db) => db.command({ hello: 1 }));
    if (localTime instanceof Date) ahead = localTime.getTime() - (asked + Date.now()) / 2;
    return ask(async ({ marks }) => {
      const _id = idOf("epoch");
      const held = await marks.findOne({ _id });
      if (held === null) await insertNew(marks, { _id, token: randomUUID(), expireAt: NEVER });
      const found = held ?? (await marks.findOne({ _id }));
      const { deletedCount } = await marks.deleteOne({ _id: idOf("evicted", node) });
      return [found?.token, deletedCount === 1];
    });
  };
  const beat = async () => {
    if (beating || !mongo.connected()) return;
    beating = true;
    const doubted = doubt;
    doubt = false;
    try {
      const [found, evicted] = await look();
      const lost = doubted || evicted || (epoch !== undefined && found !== epoch);
      epoch = found;
      if (lost) for (const listener of listeners) listener();
    } catch (error) {
      doubt ||= doubted;
      log.debug({ err: error }, "the store did not answer a look");
      await mongo.renew().catch((cause: unknown) => log.warn({ err: cause }, "mongo settings cannot be used"));
    } finally {
      beating = false;
    }
  };
  mongo.onBack(() => {
    doubt = true;
    void beat();
  });
  await ask(makeIndexes);
  await beat();
  const timer = setInterval(() => void beat(), beatMs);
  timer.unref();
  opening.defer(() => clearInterval(timer));
  const stack = opening.move();
  return {
    ledger: mongoLedger(ask, clock, finishedKept),
    ids: mongoIds(ask, clock),
    presence: mongoPresence({ ask, clock, onDoubt: () => (doubt = true) }),
    revocations: mongoRevocations(ask, clock),
    history: mongoHistory(ask, clock),
    sessions: mongoSessions(ask, clock),
    connected: () => mongo.connected(),
    onLost: (listener) => {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};
