import type { Member } from "#adapter";
import type { Depth } from "#broker";
import type { GatewayReport, Pool, PoolReport, Snapshot, WorkerReport } from "#crds";

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
  /** The live configuration's. */
  pools: readonly Pick<Pool, "name" | "concurrency">[];
  /** By pool; one that is missing is unknown. */
  depths: ReadonlyMap<string, Depth>;
  servers: Snapshot["servers"];
  /** The cluster's workers, whether they report or not. */
  members: readonly Pick<Member, "node" | "pool">[];
}

/** Whether `heard` still counts at `at`. */
export const isFresh = (heard: Heard<unknown>, at: number): boolean => at - heard.at <= STALE_MS;

const fresh = <T>(heard: readonly Heard<T>[], at: number): T[] =>
  heard.filter((it) => isFresh(it, at)).map(({ report }) => report);

const sumOf = (workers: readonly WorkerReport[], count: (worker: WorkerReport) => number): number =>
  workers.reduce((sum, worker) => sum + count(worker), 0);

const inHandOf = (workers: readonly WorkerReport[]): number => sumOf(workers, ({ inHand }) => inHand.length);

const isStopping = ({ stopping }: WorkerReport): boolean => stopping === true;

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

/** What is known of a pool's jobs, with what is in hand as the broker has it or as the workers tell it. */
const backlogOf = (
  gathered: Gathered,
  pool: string,
): (Depth & Pick<PoolReport, "leaving"> & { unacked: number }) | undefined => {
  const depth = gathered.depths.get(pool);
  if (depth === undefined) return undefined;
  const workers = fresh(gathered.workers, gathered.at).filter((worker) => worker.pool === pool);
  const unacked = depth.unacked ?? inHandOf(workers);
  const leaving = Math.min(inHandOf(workers.filter(isStopping)), unacked);
  const waiting = sumOf(workers, ({ waiting = 0 }) => waiting);
  const behind = sumOf(workers, ({ blocked = 0 }) => blocked);
  const ready = depth.ready + waiting;
  // Workers are given more only behind what they hold: where none of that waits for a hand, neither does what comes after it.
  const blocked = behind > 0 && behind === waiting ? ready : (depth.blocked ?? 0) + behind;
  return {
    ...depth,
    ready,
    unacked,
    ...(blocked === 0 ? {} : { blocked }),
    ...(leaving === 0 ? {} : { leaving }),
  };
};

/** Whether all of the pool's workers have told what they have in hand. */
const isToldByAll = ({ at, workers, servers, members }: Gathered, pool: string): boolean => {
  const heard = new Set(fresh(workers, at).map(({ node }) => node));
  return servers.adapter && members.every((member) => member.pool !== pool || heard.has(member.node));
};

const reportOf = (gathered: Gathered, pool: string): Partial<PoolReport> => {
  const backlog = backlogOf(gathered, pool);
  if (backlog === undefined || gathered.depths.get(pool)?.unacked !== undefined || isToldByAll(gathered, pool))
    return backlog ?? {};
  const { unacked: _some, leaving: _ofThese, ...known } = backlog;
  return known;
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

const ROOM_S = 1.5;

/**
 * How many jobs of each pool one gateway may take before its numbers are news: its share of the hands that are free and of what the
 * workers end meanwhile, or of half the backlog, whichever is more. 0: the first one is. A pool whose depth is unknown is left out.
 */
export const roomOf = ({ gateways, workers, pools }: Snapshot, of: Gathered["pools"]): Record<string, number> =>
  Object.fromEntries(
    pools.flatMap(({ pool, ready, unacked, outRate = 0 }) => {
      const concurrency = of.find(({ name }) => name === pool)?.concurrency;
      if (ready === undefined || concurrency === undefined) return [];
      const own = workers.filter((worker) => worker.pool === pool);
      const hands = sumOf(
        own.filter((worker) => !isStopping(worker)),
        ({ inHand }) => Math.max(0, concurrency - inHand.length),
      );
      const room = Math.max(hands - ready + outRate * ROOM_S, (ready + (unacked ?? inHandOf(own))) / 2, 0);
      return [[pool, Math.ceil(room / Math.max(1, gateways.length))]];
    }),
  );

/** The snapshot of what was gathered; rates are since `before`, and absent without it. */
export const aggregate = (gathered: Gathered, before?: Gathered): Snapshot => ({
  at: gathered.at,
  gateways: [gathered.own, ...fresh(gathered.gateways, gathered.at).filter(({ node }) => node !== gathered.own.node)],
  workers: fresh(gathered.workers, gathered.at),
  pools: gathered.pools.map(({ name: pool }) => ({
    pool,
    ...reportOf(gathered, pool),
    ...ratesOf(gathered, before, pool),
  })),
  servers: gathered.servers,
});

/** A snapshot between two gatherings: rates are told as they were, since an interval that is so short has none. */
export const withRatesOf = (snapshot: Snapshot, last: Snapshot | undefined): Snapshot => ({
  ...snapshot,
  pools: snapshot.pools.map((it) => {
    const { inRate, outRate, failedRate } = last?.pools.find(({ pool }) => pool === it.pool) ?? {};
    return {
      ...it,
      ...(inRate === undefined ? {} : { inRate }),
      ...(outRate === undefined ? {} : { outRate }),
      ...(failedRate === undefined ? {} : { failedRate }),
    };
  }),
});
