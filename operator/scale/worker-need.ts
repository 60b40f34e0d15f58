import type { ScaleRules } from "../topology/model.ts";
import { figure } from "./figure.ts";
import {
  arrivalRate,
  fullSeconds,
  isEnding,
  isFailing,
  oldestWaitMs,
  runSeconds,
  waitingForHands,
  type Flow,
} from "./flow.ts";
import type { Fleet, Need, WorkerLoad } from "./model.ts";

/** Workers that are to keep up are to be so busy: what is left takes in what comes unevenly. */
const BUSY_SHARE = 0.8;
/** Below, and where none ends, jobs that wait do not wait for a hand. */
const FREE_SHARE = 0.5;
/** Hands that have been free for so long beside jobs that wait will not take them. */
const STUCK_MS = 60_000;
/** What was added last has its share by then. */
const SETTLE_MS = 10_000;

export interface WorkerNeedInput {
  rules: ScaleRules;
  load: WorkerLoad;
  flow: Flow;
  fleet: Fleet;
  held: number;
  /** Since when hands have been free while jobs wait for one, and none has ended. */
  freeSince: number | undefined;
  /** When the age last added workers. */
  liftedAt: number | undefined;
  now: number;
}

/** Of the workers that report. */
export const handsOf = ({ jobs }: ScaleRules, { reporting }: Fleet): number => reporting * (jobs?.concurrency ?? 1);

/** Whether jobs wait beside hands that are free, and none has ended lately: workers that end jobs before they can tell of them have none in hand either. */
export const hasFreeHands = (
  rules: ScaleRules,
  { load, flow, fleet }: Pick<WorkerNeedInput, "load" | "flow" | "fleet">,
): boolean =>
  waitingForHands(load) > 0 &&
  fleet.reporting > 0 &&
  fleet.inHand <= handsOf(rules, fleet) * FREE_SHARE &&
  !isEnding(flow);

/** Whether what waits has waited beside free hands for so long that another worker would not take it either. */
const isStuck = (freeSince: number | undefined, now: number): boolean =>
  freeSince !== undefined && now - freeSince >= STUCK_MS;

/** Jobs that another worker would not take. */
export const blockedOf = ({ ready, blocked = 0 }: WorkerLoad, freeSince: number | undefined, now: number): number =>
  isStuck(freeSince, now) ? ready : blocked;

const forJobs = ({ target }: ScaleRules, jobs: number): number => Math.ceil(jobs / target);

/** How many the whole backlog asks for, whatever it waits for. */
export const forBacklog = (rules: ScaleRules, { ready, unacked }: WorkerLoad): number =>
  forJobs(rules, ready + unacked);

const byBacklog = ({ rules, load, freeSince, now }: WorkerNeedInput): Need => {
  const { ready, unacked } = load;
  const blocked = blockedOf(load, freeSince, now);
  const why = isStuck(freeSince, now) ? "wait beside free hands" : "wait for a retry or their key";
  const detail = `backlog ${figure(ready + unacked)}, target ${figure(rules.target)}`;
  return {
    need: Math.max(forJobs(rules, ready - blocked + unacked), Math.min(blocked, 1)),
    reason: "Backlog",
    detail: blocked > 0 ? `${detail}; ${figure(blocked)} of it ${why}` : detail,
  };
};

/**
 * As many as have hands for what comes: arrivals per second × seconds in a hand / hands. What full workers end says how many must stay,
 * and adds none: where something else is the limit, more workers end no more.
 */
const byRate = ({ rules: { jobs }, flow, held }: WorkerNeedInput): Need | undefined => {
  const rate = arrivalRate(flow);
  if (jobs === undefined || rate === undefined || isFailing(flow)) return undefined;
  const { concurrency } = jobs;
  const forSeconds = (seconds = 0) => Math.ceil((rate * seconds) / (concurrency * BUSY_SHARE));
  const [seconds = 0, full = 0] = [runSeconds(flow), fullSeconds(flow)];
  const [need, stay] = [forSeconds(seconds), Math.min(held, forSeconds(full))];
  return {
    need: Math.max(need, stay),
    reason: "Rate",
    detail: `${figure(rate)} jobs/s come, ${stay > need ? `a worker ends ${figure(concurrency / full)}/s` : `each is in a hand for ${figure(seconds)} s`}`,
  };
};

/** While jobs have waited too long for a hand the count does not go down, and as often as what was added is ready it grows: at most to twice, and by no more hands than jobs wait. */
const byAge = (input: WorkerNeedInput): Need | undefined => {
  const { rules, load, flow, fleet, held, freeSince, liftedAt, now } = input;
  if (rules.jobs === undefined || fleet.reporting === 0 || isFailing(flow)) return undefined;
  const { concurrency, maxWaitSeconds } = rules.jobs;
  const waiting = load.ready - blockedOf(load, freeSince, now);
  const waitMs = oldestWaitMs(flow, waiting);
  if (waitMs < maxWaitSeconds * 1000) return undefined;
  const isSettled = fleet.ready >= held && now - (liftedAt ?? -Infinity) >= SETTLE_MS;
  return {
    need: held + (isSettled ? Math.min(held, Math.ceil(waiting / concurrency)) : 0),
    reason: "Age",
    detail: `the oldest of ${figure(waiting)} jobs has waited ${figure(waitMs / 1000)} s, maxWaitSeconds ${figure(maxWaitSeconds)}`,
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
