import type { JobsPicture, JobView } from "#crds";
import type { Ledger, LedgerEntry } from "#store";

/** What everyone with the grant may see of a job: neither its payload, which the ledger does not hold, nor its result. */
export const jobViewOf = (entry: LedgerEntry): JobView => {
  const view = { ...entry };
  delete view.result;
  return view;
};

/**
 * The event `jobs` of a pool. What is said to run since before `since` does not: an attempt ends with the pool's timeout, and its worker was
 * killed before it had written the end.
 */
export const jobsPictureOf = (
  pool: string,
  overview: Awaited<ReturnType<Ledger["overview"]>>,
  since: number,
): JobsPicture => ({
  pool,
  waiting: overview.waiting,
  queued: overview.queued.map(jobViewOf),
  running: overview.running.filter(({ startedAt = since }) => startedAt >= since).map(jobViewOf),
  finished: overview.finished.map(jobViewOf),
});
