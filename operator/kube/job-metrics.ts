import type { PoolReport } from "#crds";
import { Gauge, type Registry } from "prom-client";

/** A pool of the cluster with that key, `namespace/name`. */
export interface PoolJobs extends PoolReport {
  key: string;
}

/**
 * Exports `realtime_operator_pool_jobs`, read from `pools` whenever metrics are asked for. What is not known has no value, so that whoever
 * scales by it sees that it is missing, not 0.
 */
export const exportJobs = (registry: Registry, pools: () => readonly PoolJobs[]): void => {
  const name = "realtime_operator_pool_jobs";
  registry.removeSingleMetric(name);
  const gauge = new Gauge({
    name,
    help: "Jobs of a pool, as the cluster told last: ready wait, unacked are in workers' hands (leaving: of those, in the hands of workers that go), dead are dead letters",
    labelNames: ["cluster_namespace", "realtime_cluster", "pool", "state"] as const,
    registers: [registry],
    collect: () => {
      gauge.reset();
      for (const { key, pool, ready, unacked, leaving = unacked === undefined ? undefined : 0, dead } of pools()) {
        const [namespace = "", cluster = ""] = key.split("/");
        const labels = { cluster_namespace: namespace, realtime_cluster: cluster, pool };
        for (const [state, jobs] of Object.entries({ ready, unacked, leaving, dead }))
          if (jobs !== undefined) gauge.set({ ...labels, state }, jobs);
      }
    },
  });
};
