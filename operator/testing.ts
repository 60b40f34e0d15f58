import { parseRealtimeCluster, withDefaults, type Cluster, type Snapshot } from "#crds";
import type { Instance, Signal } from "./port.ts";

/** The cluster `chat` of a spec as users write it. */
export const clusterOf = (spec: object = {}, generation = 1): Cluster => {
  const parsed = parseRealtimeCluster({
    apiVersion: "realtimecluster.dev/v1alpha1",
    kind: "RealtimeCluster",
    metadata: { name: "chat", generation },
    spec,
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return withDefaults(parsed.value);
};

/** An instance that is ready, but for what is said. */
export const instanceOf = (instance: string, rest: Partial<Instance> = {}): Instance => ({
  instance,
  role: "gateway",
  of: "gateway",
  configHash: "now",
  state: "ready",
  restarts: 0,
  since: 0,
  ...rest,
});

/** A fresh signal in which every server answers, but for what is said. */
export const signalOf = (rest: Partial<Snapshot> = {}): Signal => ({
  ageMs: 0,
  snapshot: {
    at: 0,
    gateways: [],
    workers: [],
    pools: [],
    servers: { broker: true, adapter: true, store: true },
    ...rest,
  },
});
