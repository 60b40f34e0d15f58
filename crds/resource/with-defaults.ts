import type { Gateway } from "./gateway.ts";
import type { ClusterSpec, RealtimeCluster } from "./realtime-cluster.ts";
import type { WorkerPool } from "./workers.ts";

export type StoreType = "hub" | "redis" | "mongo";

/** A spec in which nothing is left to guess: what the topology, the substrates and the reference page read. */
export interface Cluster {
  name: string;
  namespace: string;
  generation: number;
  spec: Omit<ClusterSpec, "store" | "gateway" | "workers"> & {
    store: { type: StoreType };
    gateway: Gateway & { reservedEvents: boolean };
    workers: (WorkerPool & { handlers: string })[];
  };
}

const storeTypeOf = ({ adapter, store }: ClusterSpec): StoreType =>
  store.type ?? (adapter.type === "redis" || adapter.type === "mongo" ? adapter.type : "hub");

const withReplicas = <T extends { replicas?: number | undefined; autoscaling?: object | undefined }>(
  it: T,
  replicas: number,
): T => (it.replicas === undefined && it.autoscaling === undefined ? { ...it, replicas } : it);

/** Fills the defaults that a schema cannot: those of fields that exclude each other, or that depend on another field. */
export const withDefaults = ({ metadata, spec }: RealtimeCluster): Cluster => ({
  name: metadata.name,
  namespace: metadata.namespace ?? "default",
  generation: metadata.generation ?? 1,
  spec: {
    ...spec,
    store: { type: storeTypeOf(spec) },
    gateway: {
      ...withReplicas(spec.gateway, 2),
      reservedEvents: spec.gateway.reservedEvents ?? spec.gateway.app === undefined,
    },
    workers: spec.workers.map((pool) => ({
      ...withReplicas(pool, 1),
      handlers: pool.handlers ?? `./handlers/${pool.name}.ts`,
    })),
  },
});
