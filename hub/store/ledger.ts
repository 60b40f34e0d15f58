import { isEnd, jobKey, LEDGER_LIMITS, mergeEntry, type LedgerEntry, type LedgerRecord } from "#crds";
import { ExpiringMap } from "./expiring.ts";

interface Kept extends LedgerRecord {
  until: number;
}

type ListName = "waiting" | "running" | "finished";

/** A pool's jobs, each list in the order in which they came to it. */
type Lists = Record<ListName, Map<string, Kept>>;

const listOf = ({ state }: LedgerEntry): ListName =>
  isEnd(state) ? "finished" : state === "running" ? "running" : "waiting";

const timeOf = (entry: LedgerEntry): number =>
  (isEnd(entry.state) ? entry.endedAt : entry.state === "running" ? entry.startedAt : entry.queuedAt) ?? 0;

/** Arrival is nearly the order of times: so much more than asked for is looked at to put it right. */
const SLACK = 200;

/** The ledger in memory; `Ledger` of the store's port says what it promises. */
export const memoryLedger = (clock: () => number) => {
  const jobs = new Map<string, Kept>();
  const pools = new Map<string, Lists>();
  const cancels = new ExpiringMap<true>(LEDGER_LIMITS.open, clock);

  const listsOf = (pool: string): Lists => {
    const found = pools.get(pool);
    if (found !== undefined) return found;
    const made = { waiting: new Map(), running: new Map(), finished: new Map() };
    pools.set(pool, made);
    return made;
  };
  const remove = (key: string, { entry }: LedgerRecord) => {
    jobs.delete(key);
    const lists = pools.get(entry.pool);
    if (lists === undefined) return;
    lists[listOf(entry)].delete(key);
    if (lists.waiting.size + lists.running.size + lists.finished.size === 0) pools.delete(entry.pool);
  };
  const keep = (next: LedgerEntry) => {
    const key = jobKey(next.user, next.id);
    const held = jobs.get(key);
    const { entry, erred } = mergeEntry(held, next);
    const name = listOf(entry);
    if (held === undefined && name !== "finished" && listsOf(entry.pool)[name].size >= LEDGER_LIMITS.open) return;
    const until = clock() + (name === "finished" ? LEDGER_LIMITS.finishedMs : LEDGER_LIMITS.openMs);
    const kept = { entry, erred, until };
    if (held !== undefined && (listOf(held.entry) !== name || held.entry.pool !== entry.pool)) remove(key, held);
    jobs.set(key, kept);
    const list = listsOf(entry.pool)[name];
    list.set(key, kept);
    if (name !== "finished" || list.size <= LEDGER_LIMITS.finished) return;
    for (const [oldest, record] of list) {
      remove(oldest, record);
      break;
    }
  };
  const first = (list: Map<string, Kept>, limit: number): LedgerEntry[] =>
    [...list.values().take(limit + SLACK)]
      .map(({ entry }) => entry)
      .sort((a, b) => timeOf(a) - timeOf(b))
      .slice(0, limit);
  const newest = (list: Map<string, Kept>, limit: number): LedgerEntry[] =>
    [...list.values().drop(Math.max(0, list.size - limit - SLACK))]
      .map(({ entry }) => entry)
      .sort((a, b) => timeOf(b) - timeOf(a))
      .slice(0, limit);

  return {
    record: (entries: readonly LedgerEntry[]): void => entries.forEach(keep),
    get: (user: string | undefined, id: string): LedgerEntry | undefined => {
      const kept = jobs.get(jobKey(user, id));
      return kept !== undefined && kept.until > clock() ? kept.entry : undefined;
    },
    overview: (pool: string, limit: number) => {
      const lists = pools.get(pool);
      return {
        waiting: lists?.waiting.size ?? 0,
        queued: lists === undefined ? [] : first(lists.waiting, limit),
        running: lists === undefined ? [] : first(lists.running, limit),
        finished: lists === undefined ? [] : newest(lists.finished, limit),
      };
    },
    requestCancel: (user: string | undefined, id: string): void =>
      cancels.set(jobKey(user, id), true, clock() + LEDGER_LIMITS.markMs),
    cancelRequested: (user: string | undefined, id: string): boolean => cancels.get(jobKey(user, id)) === true,
    sweep: (): void => {
      const now = clock();
      for (const [key, kept] of jobs) if (kept.until <= now) remove(key, kept);
      cancels.sweep();
    },
  };
};
