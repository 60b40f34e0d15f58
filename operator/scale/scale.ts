import type { ScaleRules } from "../topology/model.ts";
import { advance, initialFlow, isFailing, type Flow } from "./flow.ts";
import { gatewayNeed, lateSince } from "./gateway-need.ts";
import type { Doubt, Fleet, Need, Reason, ScaleInput } from "./model.ts";
import { withNeed, type Needs } from "./window.ts";
import { blockedOf, forBacklog, handsOf, hasFreeHands, workerNeed } from "./worker-need.ts";

/** What is remembered of one role between two looks. */
export interface ScaleState {
  needs: Needs;
  /** When the count last went down. */
  loweredAt?: number;
  /** When what waits too long, or event loops that are late, last added replicas. */
  liftedAt?: number;
  flow: Flow;
  freeSince?: number | undefined;
  /** Since when more workers would be wanted but for jobs that they would not take. */
  blockedSince?: number | undefined;
  lateSince?: number | undefined;
  /** Since when some do not tell what they have in hand. */
  silentSince?: number | undefined;
  /** Fewer are ready than wanted: how many, and since when no more have become so. */
  short?: { ready: number; since: number } | undefined;
}

export const initialScale: ScaleState = { needs: [], flow: initialFlow };

export interface Scaled {
  count: number;
  reason: Reason;
  detail: string;
  /** More were needed lately than may be. */
  isLimited: boolean;
  doubt: Doubt | undefined;
  state: ScaleState;
}

/** Counts of forty and more change by a twentieth at least: less is noise. */
const GRAIN_SHARE = 0.05;
/** Replicas that have not become ready by then are not expected to. */
const READY_MS = 120_000;
/** Retries that are due by then are no news. */
const BLOCKED_MS = 10_000;
/** Who has just begun tells what it has in hand by then. */
const TELL_MS = 10_000;

const clamp = (value: number, { min, max }: ScaleRules) => Math.min(Math.max(value, min), Math.max(min, max));

/** Which bound a count comes from, where it is not what is needed, or where it had been beyond the bound by `moved`. */
const boundOf = (
  { min, max }: ScaleRules,
  { count, need, moved }: { count: number; need: number; moved: number },
): "Minimum" | "Maximum" | undefined => {
  if (count === max && (need > count || (moved < 0 && need === count))) return "Maximum";
  if (count === min && (need < count || (moved > 0 && need === count))) return "Minimum";
  return undefined;
};

/** What is seen of the role, taken in. */
const watched = (state: ScaleState, { rules, reading: { load, fleet }, current, now }: ScaleInput): ScaleState => {
  const { short } = state;
  const isStuck = short !== undefined && fleet.ready <= short.ready;
  const seen = {
    ...state,
    short: fleet.ready >= current ? undefined : isStuck ? short : { ready: fleet.ready, since: now },
    silentSince: fleet.silent === 0 ? undefined : (state.silentSince ?? now),
  };
  if ("clients" in load) return { ...seen, lateSince: lateSince(state.lateSince, load.clients.lagMs, now) };
  if (!("jobs" in load)) return seen;
  const flow = advance(state.flow, load.jobs, handsOf(rules, fleet));
  const freeSince = hasFreeHands(rules, { load: load.jobs, flow, fleet }) ? (state.freeSince ?? now) : undefined;
  const isBlocked = blockedOf(load.jobs, freeSince, now) > 0 && forBacklog(rules, load.jobs) > current;
  return { ...seen, flow, freeSince, blockedSince: isBlocked ? (state.blockedSince ?? now) : undefined };
};

const needOf = (
  { rules, reading: { load, fleet }, now }: ScaleInput,
  held: number,
  { flow, freeSince, lateSince, liftedAt }: ScaleState,
): Need => {
  if ("jobs" in load) return workerNeed({ rules, load: load.jobs, flow, fleet, held, freeSince, liftedAt, now });
  if ("clients" in load) return gatewayNeed({ rules, load: load.clients, fleet, held, lateSince, liftedAt, now });
  return { need: held, reason: "Unknown", detail: load.unknown };
};

/** How many must stay, since it is not known what they have in hand: of gateways all, where one does not tell. */
const heldByHands = ({ by }: ScaleRules, { silent }: Fleet, held: number): number =>
  by === "connections" && silent > 0 ? held : silent;

/** How many may go in one step: half, and no more gateways than whose clients may be sent to others. */
const largestStep = ({ rules, reading: { load, fleet } }: ScaleInput, held: number): number => {
  const { scaleDownSeconds, mostMoved } = rules;
  if (scaleDownSeconds === 0) return held;
  const clients = "clients" in load ? load.clients.connections / Math.max(1, fleet.ready) : 0;
  const paced = mostMoved === undefined || clients === 0 ? held : mostMoved / clients;
  return Math.max(1, Math.floor(Math.min(held / 2, paced)));
};

const doubtOf = (
  { rules, reading: { load, fleet }, now }: ScaleInput,
  count: number,
  { flow, short, blockedSince, silentSince }: ScaleState,
): Doubt | undefined => {
  if ("unknown" in load) return { reason: "LoadUnknown", message: `held at ${count}: ${load.unknown}` };
  if (short !== undefined && now - short.since >= READY_MS)
    return { reason: "NotReady", message: `no more than ${short.ready} of ${count} become ready` };
  if (silentSince !== undefined && now - silentSince >= TELL_MS)
    return {
      reason: "InHandUnknown",
      message: `${fleet.silent} do not tell what they have in hand, and ${rules.by === "connections" ? "none goes" : "stay"} until they do or are gone`,
    };
  if (isFailing(flow))
    return { reason: "EveryJobFails", message: "every job has failed lately: workers are added for the backlog alone" };
  if (blockedSince !== undefined && now - blockedSince >= BLOCKED_MS)
    return {
      reason: "Blocked",
      message: "jobs wait for a retry or their key, or beside free hands: no worker is added for them",
    };
  return undefined;
};

/**
 * The count for what is read of a role: up at once; down to the highest need of the last `scaleDownSeconds`, by one step in each such
 * time, to 0 only when there was no load at all in it, and never below what is in hand. An unknown load holds the count and starts
 * that time anew.
 */
export const scale = (input: ScaleInput, before: ScaleState): Scaled => {
  const { rules, current, reading, now } = input;
  const held = clamp(current, rules);
  const seen = watched(before, input);
  const { need, reason, detail } = needOf(input, held, seen);
  const windowMs = rules.scaleDownSeconds * 1000;
  const start = before.needs.length === 0 ? withNeed([], { need: held, now, windowMs }) : before.needs;
  const needs = withNeed(start, { need, now, windowMs });
  const highest = needs[0]?.need ?? need;
  const floor = Math.min(held, Math.max(clamp(highest, rules), heldByHands(rules, reading.fleet, held)));
  const grain = Math.max(1, Math.floor(held * GRAIN_SHARE));
  const isDue = windowMs === 0 || now - (before.loweredAt ?? -Infinity) >= windowMs;
  const lower = isDue && held - floor >= grain ? Math.max(floor, held - largestStep(input, held)) : held;
  const count = need > held ? clamp(held + Math.ceil((need - held) / grain) * grain, rules) : lower;
  const isLift = (reason === "Age" || reason === "Lag") && need > held;
  const state: ScaleState = {
    ...seen,
    needs,
    ...(count < held ? { loweredAt: now } : {}),
    ...(isLift ? { liftedAt: now } : {}),
  };
  const bound = boundOf(rules, { count, need, moved: held - current });
  const limit = { Maximum: `maxReplicas ${rules.max}`, Minimum: `minReplicas ${rules.min}` };
  return {
    count,
    reason: bound ?? reason,
    detail: bound === undefined ? detail : `${detail}; ${limit[bound]}`,
    isLimited: highest > rules.max,
    doubt: doubtOf(input, count, seen),
    state,
  };
};
