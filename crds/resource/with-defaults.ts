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

/** What a gateway without an app of one's own allows. */
export const DEFAULT_LIMITS = {
  payloadBytes: 100_000,
  eventsPerSecond: 50,
  connectionsPerUser: 20,
  roomsPerConnection: 200,
} as const satisfies Gateway["limits"];

/** socket.io's own. */
export const DEFAULT_SOCKET_OPTIONS = {
  pingInterval: 25_000,
  pingTimeout: 20_000,
  connectTimeout: 45_000,
  maxHttpBufferSize: 1_000_000,
  path: "/socket.io/",
  transports: ["polling", "websocket"],
  allowEIO3: false,
} satisfies Gateway["options"];

/** A gateway's limits and socket options: with an app of one's own only what is written, so that its own options hold for the rest. */
export const withGatewayDefaults = <T extends Pick<Gateway, "app" | "limits" | "options">>(gateway: T): T =>
  gateway.app !== undefined
    ? gateway
    : {
        ...gateway,
        limits: { ...DEFAULT_LIMITS, ...gateway.limits },
        options: { ...DEFAULT_SOCKET_OPTIONS, ...gateway.options },
      };

/** Fills the defaults that a schema cannot: those of fields that exclude each other, or that depend on another field. */
export const withDefaults = ({ metadata, spec }: RealtimeCluster): Cluster => ({
  name: metadata.name,
  namespace: metadata.namespace ?? "default",
  generation: metadata.generation ?? 1,
  spec: {
    ...spec,
    store: { type: storeTypeOf(spec) },
    gateway: {
      ...withReplicas(withGatewayDefaults(spec.gateway), 2),
      reservedEvents: spec.gateway.reservedEvents ?? spec.gateway.app === undefined,
    },
    workers: spec.workers.map((pool) => ({
      ...withReplicas(pool, 1),
      handlers: pool.handlers ?? `./handlers/${pool.name}.ts`,
    })),
  },
});
