import { LEDGER_LIMITS } from "#crds";
import type { Clock } from "./ask.ts";
import type { Collections, JobDocument } from "./collections.ts";

/** For so long a count of open jobs holds, with those that came here since. */
const COUNT_MS = 10_000;
/** A pool's finished jobs are cut to the limit after so many here, or so long. */
const TRIM_AFTER = 100;
const TRIM_MS = 5000;

/** How many jobs the ledger keeps per pool. Counting is not free: what other processes add meanwhile is over the limit for a while. */
export const createRoom = (clock: Clock, finishedKept: number = LEDGER_LIMITS.finished) => {
  const open = new Map<string, { count: number; at: number }>();
  const finished = new Map<string, { count: number; at: number }>();
  return {
    /** Whether a new job may be kept; counts it. */
    admits: async (jobs: Collections["jobs"], { pool, list }: JobDocument): Promise<boolean> => {
      if (list === "finished") return true;
      const key = `${list}/${pool}`;
      let known = open.get(key);
      if (known === undefined || clock() - known.at > COUNT_MS) {
        known = { count: await jobs.countDocuments({ pool, list }), at: clock() };
        open.set(key, known);
      }
      if (known.count >= LEDGER_LIMITS.open) return false;
      known.count += 1;
      return true;
    },
    /** Forgets the oldest finished jobs of the pools of `written`, where there are too many. */
    trim: async (jobs: Collections["jobs"], written: readonly JobDocument[]): Promise<void> => {
      for (const { pool, list } of written) {
        if (list !== "finished") continue;
        const known = finished.get(pool) ?? { count: TRIM_AFTER, at: 0 };
        finished.set(pool, known);
        known.count += 1;
      }
      for (const [pool, known] of finished) {
        if (known.count === 0 || (known.count < TRIM_AFTER && clock() - known.at < TRIM_MS)) continue;
        finished.set(pool, { count: 0, at: clock() });
        const of = { pool, list: "finished" as const };
        const [last] = await jobs.find(of).sort({ at: -1 }).skip(finishedKept).limit(1).toArray();
        if (last !== undefined) await jobs.deleteMany({ ...of, at: { $lte: last.at } });
      }
    },
  };
};
