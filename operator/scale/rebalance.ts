import { SHED_RETURN_MS, shedMs, type GatewayReport, type ShedOrder } from "#crds";
import type { Instance, Signal } from "../port.ts";
import { instanceOf } from "./instance-of.ts";
import { excessOf, LEAST, LEVEL, unevenness, waveOf, type LoadedGateway } from "./wave.ts";

/** What was ordered, of whom, and how many those had shed before; undefined: they do not say. */
interface Ordered {
  sessions: number;
  nodes: readonly string[];
  before: number | undefined;
}

interface WaveState {
  /** Kept out of the clients' way: all that were ready but the takers. */
  shunned: readonly string[];
  /** ms, since when: once it was said. */
  since: number;
  /** ms, until when its clients may look for a gateway; undefined: nothing was shed yet. */
  until?: number;
  ordered?: Ordered;
}

export interface RebalanceState {
  wave?: WaveState;
  /** Sessions that may still be moved until all is level; 0: all was, or there is rest. */
  budget: number;
  /** ms; nothing begins before. */
  quietUntil: number;
  /** Of a wave that is over, and of which was not heard yet what it moved. */
  unheard?: Ordered;
}

export interface RebalanceInput {
  /** The gateways of the cluster, of whatever configuration. */
  instances: readonly Instance[];
  /** The one that is wanted. */
  configHash: string;
  /** How long a gateway that goes may take, ms. */
  graceMs: number;
  signal: Signal | undefined;
  /** Connections that the whole cluster may close per second. */
  perSecond: number;
  /** ms */
  now: number;
}

export interface RebalanceStep {
  state: RebalanceState;
  /** Whom clients are not sent to from now on; all others take them. */
  shunned: readonly string[];
  /** To be closed now. */
  orders: readonly ShedOrder[];
  /** It is to be looked at again soon. */
  isMoving: boolean;
}

export const initialRebalance: RebalanceState = { budget: 0, quietUntil: 0 };

/** Unevenness at which moving begins; it ends at the level. */
const BEGIN = 1.2;
/** Of what lies above the mean at the beginning: with a few more all that may be moved before a rest. */
const BUDGET = 1.1;
const WAVE_SECONDS = 20;
/**
 * Of what was ordered, or might have been where nothing was, what counts as moved though less was: waves that come to nothing come to
 * an end.
 */
const AT_LEAST = 0.25;
/** s more for each gateway that is shunned: each is written twice per wave. */
const SECONDS_PER_SHUNNED = 0.1;
/** Until every way in knows who is shunned. */
const LEAVE_MS = 5000;
/** Between waves, and after one that was given up. */
const PAUSE_MS = 10_000;
/** After a budget was spent. */
const REST_MS = 300_000;
/** A gateway that is ready for less is not known to every way in; one that was restarted may end again. */
const KNOWN_MS = 5000;
const STEADY_MS = 60_000;
/** One that starts is waited for so long. */
const START_MS = 60_000;
/** After the time that a gateway has to go. */
const GONE_MS = 30_000;
const STALE_MS = 3000;

const isCount = (value: number | undefined): value is number =>
  value !== undefined && Number.isFinite(value) && value >= 0;

const loadedGateway = (instance: string, report: GatewayReport | undefined): LoadedGateway | undefined => {
  if (report === undefined || !isCount(report.connections) || !isCount(report.carried)) return undefined;
  const { node, connections, carried, recoverable, shed } = report;
  return {
    instance,
    node,
    load: connections + carried,
    recoverable: isCount(recoverable) ? recoverable : 0,
    ...(isCount(shed) ? { shed } : {}),
  };
};

/** A roll or a drain is on. One that goes and is there long after its time, as on a node that is lost, is no part of it. */
const isBusy = ({ instances, configHash, graceMs, signal, now }: RebalanceInput): boolean =>
  instances.some(({ state, since, ...it }) =>
    state === "stopping" ? now - since < graceMs + GONE_MS : it.configHash !== configHash,
  ) ||
  (signal?.snapshot.gateways.some(({ draining }) => draining) ?? false);

/** A gateway is about to take clients. */
const isAwaited = ({ instances, now }: RebalanceInput): boolean =>
  instances.some(({ state, since, restarts }) => {
    const age = now - since;
    return (
      (state === "starting" && age < START_MS) || (state === "ready" && age < (restarts > 0 ? STEADY_MS : KNOWN_MS))
    );
  });

/** What the gateways that answer report, by instance. */
const reportsOf = ({ signal }: RebalanceInput): Map<string, GatewayReport> => {
  const isFresh = signal !== undefined && signal.ageMs <= STALE_MS;
  return new Map(isFresh ? signal.snapshot.gateways.map((report) => [instanceOf(report.node), report]) : []);
};

/** The load of each gateway that takes clients; undefined: not known of all of them. */
const loadsOf = (input: RebalanceInput): LoadedGateway[] | undefined => {
  const { instances } = input;
  const reports = reportsOf(input);
  const loads = instances
    .filter(({ state }) => state === "ready")
    .map(({ instance }) => loadedGateway(instance, reports.get(instance)));
  return loads.every((load) => load !== undefined) ? loads : undefined;
};

const readyOf = ({ instances }: RebalanceInput): string[] =>
  instances.filter(({ state }) => state === "ready").map(({ instance }) => instance);

const secondsOf = (shunned: number): number => WAVE_SECONDS + SECONDS_PER_SHUNNED * shunned;

const still = (state: RebalanceState, isMoving = false): RebalanceStep => ({
  state,
  shunned: state.wave?.shunned ?? [],
  orders: [],
  isMoving: isMoving || state.wave !== undefined,
});

/** How many the gateways of these nodes have shed so far; undefined: not known of all. */
const shedBy = (loads: readonly LoadedGateway[] | undefined, nodes: readonly string[]): number | undefined => {
  const counts = new Map(loads?.map(({ node, shed }) => [node, shed]));
  return nodes.reduce<number | undefined>((sum, node) => {
    const count = counts.get(node);
    return sum === undefined || count === undefined ? undefined : sum + count;
  }, 0);
};

/** What a wave took of the budget: what it moved, and all that was ordered where gateways do not say. */
const spent = ({ sessions, nodes, before }: Ordered, loads: readonly LoadedGateway[]): number => {
  const after = shedBy(loads, nodes);
  if (before === undefined || after === undefined) return sessions;
  return Math.max(after - before, Math.ceil(sessions * AT_LEAST));
};

/** Nothing is moved for a while, unless other gateways come. */
export const resting = (now: number): RebalanceState => ({ budget: 0, quietUntil: now + REST_MS });

/** After a wave that leaves so much of the budget. */
const settled = (left: number, now: number): RebalanceState =>
  left < LEAST ? resting(now) : { budget: left, quietUntil: now + PAUSE_MS };

/** Without its wave: everyone takes clients again. */
const ended = (input: RebalanceInput, { budget }: RebalanceState, { ordered }: WaveState): RebalanceStep => {
  const { now } = input;
  const loads = loadsOf(input);
  if (ordered !== undefined && loads === undefined)
    return still({ budget, quietUntil: now + PAUSE_MS, unheard: ordered }, true);
  const moved = ordered && loads ? spent(ordered, loads) : Math.ceil(budget * AT_LEAST);
  const state = settled(budget - moved, now);
  return still(state, state.budget > 0);
};

/** Those that were shunned have left the clients' way: they shed. */
const shedNow = (input: RebalanceInput, state: RebalanceState, wave: WaveState): RebalanceStep => {
  const { now, perSecond } = input;
  const loads = loadsOf(input);
  const most = Math.min(state.budget, Math.max(LEAST, Math.floor(perSecond * secondsOf(wave.shunned.length))));
  const away = new Set(wave.shunned);
  const sheds = loads && waveOf(loads, most)?.sheds.filter(({ instance }) => away.has(instance));
  if (sheds === undefined || sheds.length === 0) return ended(input, state, wave);
  const total = sheds.reduce((all, { sessions }) => all + sessions, 0);
  const until = now + shedMs({ sessions: total, perSecond }) + SHED_RETURN_MS;
  const nodes = sheds.map(({ node }) => node);
  const ordered = { sessions: total, nodes, before: shedBy(loads, nodes) };
  return {
    state: { ...state, wave: { ...wave, until, ordered } },
    shunned: wave.shunned,
    orders: sheds.map(({ node, sessions }) => ({ node, sessions, perSecond: (perSecond * sessions) / total })),
    isMoving: true,
  };
};

const goOn = (input: RebalanceInput, state: RebalanceState, wave: WaveState): RebalanceStep => {
  const { now } = input;
  const away = new Set(wave.shunned);
  const reports = reportsOf(input);
  const isTaken = readyOf(input).some((instance) => !away.has(instance) && reports.has(instance));
  if (!isTaken || isBusy(input) || now < wave.since) return ended(input, state, wave);
  if (wave.until !== undefined) return now < wave.until ? still(state) : ended(input, state, wave);
  return now - wave.since < LEAVE_MS ? still(state) : shedNow(input, state, wave);
};

/**
 * Who sheds how many now, so that gateways get their share of the connections: what lies above the mean, in waves, from those that
 * clients are not sent to meanwhile to those that are. It begins where one is far above the mean, ends near it, and moves little more
 * than lay above at the beginning. Nothing begins while gateways come, roll or drain, or their loads are not known.
 */
export const rebalance = (input: RebalanceInput, state: RebalanceState): RebalanceStep => {
  if (state.wave !== undefined) return goOn(input, state, state.wave);
  const { now } = input;
  const loads = loadsOf(input);
  // Other gateways are another matter than that of before, and the rest that followed it.
  const anew = { budget: 0, quietUntil: Math.min(state.quietUntil, now + PAUSE_MS) };
  if (isAwaited(input)) return still(anew, true);
  if (isBusy(input)) return still(anew);
  if (loads === undefined) return still(state, state.budget > 0);
  if (state.unheard !== undefined) return rebalance(input, settled(state.budget - spent(state.unheard, loads), now));
  const uneven = unevenness(loads);
  const excess = excessOf(loads);
  if (uneven <= (state.budget > 0 ? LEVEL : BEGIN) || excess < LEAST) return still({ ...state, budget: 0 });
  // A clock that was set back does not keep the rest for longer than it is.
  if (now < state.quietUntil && state.quietUntil - now <= REST_MS) return still(state, state.budget > 0);
  const budget = state.budget > 0 ? state.budget : Math.ceil(excess * BUDGET) + LEAST;
  const wave = waveOf(loads, budget);
  if (wave === undefined) return still({ budget: 0, quietUntil: now + REST_MS });
  const takers = new Set(wave.takers);
  const shunned = readyOf(input).filter((instance) => !takers.has(instance));
  return still({ ...state, budget, wave: { shunned, since: now } });
};
