import { jobKey, type Job, type LedgerEntry } from "#crds";
import type { Ledger } from "#store";

/** Jobs that the broker has and of which no worker has been heard yet: the queue, as the ledger is to show it. */
export interface Queued extends Disposable {
  /** The broker has confirmed it. */
  taken(pool: string, job: Job): void;
  /** Something about the job of this `jobKey` went by: from now on its worker keeps the ledger. */
  heard(key: string): void;
  /** One that the ledger may not know yet. */
  find(key: string): LedgerEntry | undefined;
  size(): number;
}

const AGE_MS = 150;

/**
 * Records a job once it has waited for `ageMs` to twice that, so that the many that are done by then cost the ledger nothing; one without
 * a user, of whom nothing is ever heard here, at once. Disposing records what is left.
 */
export const createQueued = (record: (entry: LedgerEntry) => void, { ageMs = AGE_MS } = {}): Queued => {
  let young = new Map<string, LedgerEntry>();
  let old = new Map<string, LedgerEntry>();
  const age = () => {
    for (const entry of old.values()) record(entry);
    old = young;
    young = new Map();
  };
  const timer = setInterval(age, ageMs).unref();
  return {
    taken: (pool, { id, user, event, at, mode }) => {
      if (mode !== "job") return;
      const entry: LedgerEntry = { id, user, pool, event, state: "queued", attempt: 1, queuedAt: at };
      if (user === undefined) record(entry);
      else young.set(jobKey(user, id), entry);
    },
    heard: (key) => {
      if (!young.delete(key)) old.delete(key);
    },
    find: (key) => young.get(key) ?? old.get(key),
    size: () => young.size + old.size,
    [Symbol.dispose]: () => {
      clearInterval(timer);
      age();
      age();
    },
  };
};

/** The ledger with the jobs that it may not know yet. */
export const withQueued = (ledger: Ledger, queued: Pick<Queued, "find">): Ledger => ({
  ...ledger,
  get: async (user, id) => (await ledger.get(user, id)) ?? queued.find(jobKey(user, id)),
});
