import type { ScaleRules } from "../topology/model.ts";
import { figure } from "./figure.ts";
import { arrivalRate, isFailing, oldestWaitMs, runSeconds, type Flow } from "./flow.ts";
import type { Fleet, Need, WorkerLoad } from "./model.ts";

/** Workers that are to keep up are to be so busy: what is left takes in what comes unevenly. */
const BUSY_SHARE = 0.8;
/** Above, hands are full; below, jobs that wait do not wait for one. */
const FULL_SHARE = 0.9;
const FREE_SHARE = 0.5;
/** Hands that have been free for so long beside jobs that wait will not take them. */
const BLOCKED_MS = 10_000;
/** What was added last has its share by then. */
const SETTLE_MS = 10_000;

export interface WorkerNeedInput {
  rules: ScaleRules;
  load: WorkerLoad;
  flow: Flow;
  fleet: Fleet;
  held: number;
  /** Since when hands have been free while jobs wait. */
  freeSince: number | undefined;
  /** When the age last added workers. */
  liftedAt: number | undefined;
  now: number;
}

const handsOf = ({ jobs }: ScaleRules, { reporting }: Fleet): number => reporting * (jobs?.concurrency ?? 1);

/** Whether jobs wait beside hands that are free: behind one of their key, or for a retry. */
export const hasFreeHands = (rules: ScaleRules, { ready }: WorkerLoad, fleet: Fleet): boolean =>
  ready > 0 && fleet.reporting > 0 && fleet.inHand <= handsOf(rules, fleet) * FREE_SHARE;

/** Whether what waits has waited beside free hands for so long that another worker would not take it either. */
export const isBlocked = (freeSince: number | undefined, now: number): boolean =>
  freeSince !== undefined && now - freeSince >= BLOCKED_MS;

const forJobs = ({ target }: ScaleRules, jobs: number): number => Math.ceil(jobs / target);

/** How many the whole backlog asks for, whatever it waits for. */
export const forBacklog = (rules: ScaleRules, { ready, unacked }: WorkerLoad): number =>
  forJobs(rules, ready + unacked);

const byBacklog = ({ rules, load, freeSince, now }: WorkerNeedInput): Need => {
  const { ready, unacked } = load;
  const blocked = isBlocked(freeSince, now);
  const detail = `backlog ${figure(ready + unacked)}, target ${figure(rules.target)}`;
  return {
    need: blocked ? forJobs(rules, unacked + Math.min(ready, 1)) : forBacklog(rules, load),
    reason: "Backlog",
    detail: blocked ? `${detail}; ${figure(ready)} of it wait for a retry or their key` : detail,
  };
};

/** As many as have hands for what comes: arrivals per second × seconds in a hand / hands. */
const byRate = ({ rules: { jobs }, flow }: WorkerNeedInput): Need | undefined => {
  const [rate, seconds] = [arrivalRate(flow), runSeconds(flow)];
  if (jobs === undefined || rate === undefined || seconds === undefined || isFailing(flow)) return undefined;
  return {
    need: Math.ceil((rate * seconds) / (jobs.concurrency * BUSY_SHARE)),
    reason: "Rate",
    detail: `${figure(rate)} jobs/s come, each is in a hand for ${figure(seconds)} s`,
  };
};

/** While jobs have waited too long before full hands the count does not go down, and as often as what was added is ready it grows: at most to twice, and by no more hands than jobs wait. */
const byAge = (input: WorkerNeedInput): Need | undefined => {
  const { rules, load, flow, fleet, held, liftedAt, now } = input;
  if (rules.jobs === undefined || isFailing(flow)) return undefined;
  const { concurrency, maxWaitSeconds } = rules.jobs;
  const waitMs = oldestWaitMs(flow, load.ready);
  const isFull = fleet.reporting > 0 && fleet.inHand >= handsOf(rules, fleet) * FULL_SHARE;
  if (waitMs < maxWaitSeconds * 1000 || !isFull) return undefined;
  const isSettled = fleet.ready >= held && now - (liftedAt ?? -Infinity) >= SETTLE_MS;
  return {
    need: held + (isSettled ? Math.min(held, Math.ceil(load.ready / concurrency)) : 0),
    reason: "Age",
    detail: `the oldest of ${figure(load.ready)} jobs has waited ${figure(waitMs / 1000)} s, maxWaitSeconds ${figure(maxWaitSeconds)}`,
  };
};

/** Hands for all that is in one. */
const byHands = ({ rules: { jobs }, fleet }: WorkerNeedInput): Need => ({
  need: Math.ceil(fleet.inHand / (jobs?.concurrency ?? Infinity)),
  reason: "InHand",
  detail: `${figure(fleet.inHand)} jobs in hand`,
});

/** How many workers a pool needs: the most that its backlog, its arrivals, its oldest job or what is in hand asks for. */
export const workerNeed = (input: WorkerNeedInput): Need =>
  [byRate(input), byAge(input), byHands(input)].reduce<Need>(
    (most, need) => (need !== undefined && need.need > most.need ? need : most),
    byBacklog(input),
  );
