import type { ScaleRules } from "../../operator/topology/model.ts";
import type { Load } from "./loads.ts";
import type { Policy } from "./policies.ts";
import { around, randomOf } from "./random.ts";
import { createTally, type Tally } from "./tally.ts";

/** A pool that is simulated; a new worker is ready after 5 to 15 s. */
export interface SimulatedPool {
  rules: ScaleRules;
  /** Its whole load, in workers' worth. */
  workers: number;
  /** Jobs that a worker ends. */
  perSecond: number;
  /** Its event loop is busy with each job from start to end, so that it never tells of one in hand. */
  isBusy: boolean;
}

const HANDS = 20;
const RULES: ScaleRules = {
  by: "backlog",
  min: 0,
  max: 10_000,
  target: 40,
  scaleDownSeconds: 60,
  jobs: { concurrency: HANDS, maxWaitSeconds: 60 },
};
/** Jobs that wait for something else, 2 s on average. */
export const WAITING: SimulatedPool = { rules: RULES, workers: 8000, perSecond: HANDS / 2, isBusy: false };
/** Jobs that compute for 5 ms. */
export const COMPUTING: SimulatedPool = {
  rules: { ...RULES, max: 1000, target: 200 },
  workers: 800,
  perSecond: 200,
  isBusy: true,
};

export interface WorkerRun extends Tally {
  /** Seconds that jobs waited for a hand. */
  waits: { mean: number; p99: number; most: number };
}

/** Of [seconds, jobs], the seconds that a share of all jobs did not exceed. */
const shareOf = (waits: ReadonlyMap<number, number>, share: number): number => {
  const sorted = [...waits].toSorted(([a], [b]) => a - b);
  let left = share * sorted.reduce((sum, [, jobs]) => sum + jobs, 0);
  return sorted.find(([, jobs]) => (left -= jobs) <= 0)?.[0] ?? 0;
};

/** Runs a policy over a load, second by second, on a pool that is simulated: the queue is served in order, the idle go first. */
export const runWorkers = (
  { workers, perSecond, isBusy }: SimulatedPool,
  load: Load,
  policy: Policy,
  seed = 1,
): WorkerRun => {
  const random = randomOf(seed);
  const tally = createTally();
  const waits = new Map<number, number>();
  const queue: { second: number; jobs: number }[] = [];
  let starting: number[] = [];
  const needAt = (second: number): number => Math.ceil(load.share(second) * workers);
  let ready = needAt(0);
  let wanted = ready;
  let inHand = isBusy ? 0 : ready * HANDS;
  let waiting = 0;
  for (let second = 0; second < load.seconds; second++) {
    let ended = Math.min(inHand, around((inHand * perSecond) / HANDS, random));
    inHand -= ended;
    const arrived = around(load.share(second) * workers * perSecond, random);
    if (arrived > 0) queue.push({ second, jobs: arrived });
    waiting += arrived;
    ready += starting.filter((at) => at <= second).length;
    starting = starting.filter((at) => at > second);
    for (let free = isBusy ? ready * perSecond : ready * HANDS - inHand; free > 0 && queue[0] !== undefined;) {
      const [first] = queue;
      const jobs = Math.min(free, first.jobs);
      free -= jobs;
      first.jobs -= jobs;
      if (isBusy) ended += jobs;
      else inHand += jobs;
      waiting -= jobs;
      waits.set(second - first.second, (waits.get(second - first.second) ?? 0) + jobs);
      if (first.jobs === 0) queue.shift();
    }
    const isTold = load.isTold?.(second) !== false;
    const now = second * 1000;
    const jobs = { at: now, ready: waiting, unacked: inHand, inRate: arrived, outRate: ended, failedRate: 0 };
    const fleet = {
      ready,
      reporting: isTold ? ready : 0,
      inHand,
      busy: Math.min(ready, inHand),
      silent: isTold ? 0 : ready,
    };
    const reading = { load: isTold ? { jobs } : { unknown: "it is not told" }, fleet };
    wanted = policy({ reading, current: wanted, now });
    const missing = wanted - ready - starting.length;
    if (missing > 0) starting.push(...Array.from({ length: missing }, () => second + 5 + Math.floor(random() * 11)));
    if (missing < 0) {
      const unborn = Math.min(starting.length, -missing);
      starting.length -= unborn;
      // Who goes finishes what is in hand, beside the count.
      ready += missing + unborn;
      inHand = Math.min(inHand, ready * HANDS);
    }
    tally.add({ second, wanted, serving: ready, need: needAt(second) });
  }
  const served = [...waits].reduce((sum, [, jobs]) => sum + jobs, 0);
  const waited = [...waits].reduce((sum, [seconds, jobs]) => sum + seconds * jobs, 0);
  return {
    ...tally.result(),
    waits: { mean: waited / served, p99: shareOf(waits, 0.99), most: Math.max(0, ...waits.keys()) },
  };
};
