import { gauge } from "#process";
import type { Registry } from "prom-client";
import type { ScalingStatus } from "../status/model.ts";
import { keyOf } from "./runtime/index.ts";

const LABELS = ["cluster_namespace", "realtime_cluster", "of"] as const;

/** What follows its load, measured: how many are wanted, how many are ready, and why. */
export const openScalingMetrics = (registry: Registry) => {
  const desired = gauge(registry, {
    name: "realtime_operator_desired_replicas",
    help: "How many replicas are wanted of what follows its load",
    labelNames: LABELS,
  });
  const actual = gauge(registry, {
    name: "realtime_operator_ready_replicas",
    help: "How many replicas are ready of what follows its load",
    labelNames: LABELS,
  });
  const reasons = gauge(registry, {
    name: "realtime_operator_scaling_reason",
    help: "1 for the reason of the count that is wanted",
    labelNames: [...LABELS, "reason"],
  });
  /** By cluster and name, the reason that is shown. */
  const shown = new Map<string, Map<string, string>>();
  return {
    /** What of a cluster follows its load now; what no longer does leaves nothing. */
    set: ({ namespace = "", name }: { namespace?: string; name: string }, scaling: readonly ScalingStatus[]): void => {
      const key = keyOf({ namespace, name });
      const before = shown.get(key) ?? new Map<string, string>();
      const labelsOf = (of: string) => ({ cluster_namespace: namespace, realtime_cluster: name, of });
      for (const [of, reason] of before) {
        const now = scaling.find((it) => it.name === of);
        if (now?.reason !== reason) reasons.remove({ ...labelsOf(of), reason });
        if (now !== undefined) continue;
        desired.remove(labelsOf(of));
        actual.remove(labelsOf(of));
      }
      for (const it of scaling) {
        desired.set(labelsOf(it.name), it.desired);
        actual.set(labelsOf(it.name), it.actual);
        reasons.set({ ...labelsOf(it.name), reason: it.reason }, 1);
      }
      if (scaling.length === 0) shown.delete(key);
      else shown.set(key, new Map(scaling.map((it) => [it.name, it.reason])));
    },
  };
};
