import type { Depth } from "#broker";
import type { GatewayReport, PoolReport, Snapshot, WorkerReport } from "#crds";

/** A report older than this is left out of a snapshot. */
export const STALE_MS = 3000;

/** A report and when it came, ms since the epoch. */
export interface Heard<T> {
  report: T;
  at: number;
}

/** All that a snapshot is made of. */
export interface Gathered {
  at: number;
  own: GatewayReport;
  gateways: readonly Heard<GatewayReport>[];
  workers: readonly Heard<WorkerReport>[];
  /** Names of the live configuration's pools. */
  pools: readonly string[];
  /** By pool; one that is missing is unknown. */
  depths: ReadonlyMap<string, Depth>;
  servers: Snapshot["servers"];
}

/** Whether `heard` still counts at `at`. */
export const isFresh = (heard: Heard<unknown>, at: number): boolean => at - heard.at <= STALE_MS;

const fresh = <T>(heard: readonly Heard<T>[], at: number): T[] =>
  heard.filter((it) => isFresh(it, at)).map(({ report }) => report);

const inHandOf = (workers: readonly WorkerReport[], pool: string): number =>
  workers.reduce((sum, worker) => sum + (worker.pool === pool ? worker.inHand.length : 0), 0);

const waitingOf = (workers: readonly WorkerReport[], pool: string): number =>
  workers.reduce((sum, worker) => sum + (worker.pool === pool ? (worker.waiting ?? 0) : 0), 0);

/** By how much `count` of the pool's workers grew between two gatherings; what a worker did before it was first heard is not counted. */
const grownBetween = (
  before: Gathered,
  now: Gathered,
  { pool, count }: { pool: string; count: (worker: WorkerReport) => number },
): number => {
  const then = new Map(fresh(before.workers, before.at).map((worker) => [worker.node, count(worker)]));
  return fresh(now.workers, now.at)
    .filter((worker) => worker.pool === pool)
    .reduce((sum, worker) => sum + Math.max(0, count(worker) - (then.get(worker.node) ?? count(worker))), 0);
};

const backlogOf = (gathered: Gathered, pool: string): { ready: number; unacked: number; dead: number } | undefined => {
  const depth = gathered.depths.get(pool);
  if (depth === undefined) return undefined;
  const workers = fresh(gathered.workers, gathered.at);
  return { unacked: inHandOf(workers, pool), ...depth, ready: depth.ready + waitingOf(workers, pool) };
};

const ratesOf = (gathered: Gathered, before: Gathered | undefined, pool: string): Partial<PoolReport> => {
  const seconds = before === undefined ? 0 : (gathered.at - before.at) / 1000;
  if (before === undefined || seconds <= 0) return {};
  const failed = grownBetween(before, gathered, { pool, count: ({ failed }) => failed });
  const ended = failed + grownBetween(before, gathered, { pool, count: ({ done }) => done });
  const then = backlogOf(before, pool);
  const now = backlogOf(gathered, pool);
  const rates = { outRate: ended / seconds, failedRate: failed / seconds };
  if (then === undefined || now === undefined) return rates;
  const grown = now.ready + now.unacked - then.ready - then.unacked;
  return { ...rates, inRate: Math.max(0, (grown + ended) / seconds) };
};

/** The snapshot of what was gathered; rates are since `before`, and absent without it. */
export const aggregate = (gathered: Gathered, before?: Gathered): Snapshot => ({
  at: gathered.at,
  gateways: [gathered.own, ...fresh(gathered.gateways, gathered.at).filter(({ node }) => node !== gathered.own.node)],
  workers: fresh(gathered.workers, gathered.at),
  pools: gathered.pools.map((pool) => ({
    pool,
    ...backlogOf(gathered, pool),
    ...ratesOf(gathered, before, pool),
  })),
  servers: gathered.servers,
});
