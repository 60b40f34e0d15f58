import type { Reading, ScaleInput } from "../../operator/scale/model.ts";
import { initialScale, scale } from "../../operator/scale/scale.ts";
import type { ScaleRules } from "../../operator/topology/model.ts";

/** Says each second how many are wanted. */
export type Policy = (input: Omit<ScaleInput, "rules">) => number;

/** The operator's own. */
export const ours = (rules: ScaleRules): Policy => {
  let state = initialScale;
  return (input) => {
    const scaled = scale({ rules, ...input }, state);
    state = scaled.state;
    return scaled.count;
  };
};

/** The same by the load alone: neither arrivals nor the oldest job's age count. */
export const byLoadAlone = (rules: ScaleRules): Policy => ours({ ...rules, jobs: undefined });

const SYNC_MS = 15_000;
const STABLE_MS = 300_000;
const TOLERANCE = 0.1;

const metricOf = ({ load }: Reading): number | undefined => {
  if ("jobs" in load) return load.jobs.ready + load.jobs.unacked;
  return "clients" in load ? load.clients.connections : undefined;
};

/**
 * As a HorizontalPodAutoscaler with its defaults does it (kubernetes.io, "Horizontal Pod Autoscaling"): each 15 s the ratio of what there
 * is to the target, within a tenth nothing; up by at most twice or four; down to the most that was recommended in 5 minutes; 1 at least.
 */
export const naive = ({ target, min, max }: ScaleRules): Policy => {
  let next = 0;
  let wanted: number | undefined;
  let recommended: { at: number; count: number }[] = [];
  return ({ reading, current, now }) => {
    const metric = metricOf(reading);
    wanted ??= current;
    if (now < next || metric === undefined) return wanted;
    next = now + SYNC_MS;
    const ratio = metric / (Math.max(1, wanted) * target);
    const count = Math.abs(ratio - 1) <= TOLERANCE ? wanted : Math.ceil(metric / target);
    recommended = [...recommended.filter(({ at }) => now - at < STABLE_MS), { at: now, count }];
    const stable = Math.max(...recommended.map(({ count }) => count));
    const most = Math.max(wanted * 2, wanted + 4);
    wanted = Math.min(max, Math.max(1, min, Math.min(most, count > wanted ? count : Math.min(wanted, stable))));
    return wanted;
  };
};
