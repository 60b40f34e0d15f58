import type { JobsPicture, JobView } from "#crds";
import type { Ledger, LedgerEntry } from "#store";

/** What everyone with the grant may see of a job: neither its payload, which the ledger does not hold, nor its result. */
export const jobViewOf = (entry: LedgerEntry): JobView => {
  const view = { ...entry };
  delete view.result;
  return view;
};

/** The event `jobs` of a pool. */
export const jobsPictureOf = (pool: string, overview: Awaited<ReturnType<Ledger["overview"]>>): JobsPicture => ({
  pool,
  waiting: overview.waiting,
  queued: overview.queued.map(jobViewOf),
  running: overview.running.map(jobViewOf),
  finished: overview.finished.map(jobViewOf),
});
