import type { Cluster, ClusterEvent, Pool, ShedOrder, Snapshot } from "#crds";
import type { Role, RoleName, ServerName, Topology } from "./topology/model.ts";

export type InstanceState = "starting" | "ready" | "stopping" | "failing" | "backoff";

/** A process or pod as it is. */
export interface Instance {
  instance: string;
  role: RoleName;
  pool?: string;
  /** `Role.name` that it belongs to. */
  of: Role["name"];
  configHash: string;
  /** failing: it ended before it was ready and waits to be started again; backoff: the same after it was ready. */
  state: InstanceState;
  restarts: number;
  /** ms since the epoch, of the state. */
  since: number;
  /** Why, where it is failing or in backoff. */
  message?: string;
}

/** A managed server as it is. */
export interface ServerState {
  name: ServerName;
  wanted: number;
  ready: number;
  /** Why it is not ready, in its own words where it has any. */
  message?: string;
}

/** What holds a cluster up, or waits for its user, and no instance shows. */
export interface Obstacle {
  /** What it concerns: a role by its name, `expose` (the way in), `servers`, or `data` (what a changed resource left behind). */
  of: string;
  /** One CamelCase word. */
  reason: string;
  /** A sentence with the way out. */
  message: string;
  /** Nothing changes until somebody acts. */
  isLasting: boolean;
}

/** What a substrate sees of a cluster. */
export interface Observation {
  instances: readonly Instance[];
  servers: readonly ServerState[];
  obstacles: readonly Obstacle[];
  /** Pools that the resource no longer has and whose workers still run. */
  leaving: readonly Pool[];
  /** How many are asked for of a role now, by its name; absent: only `apply` ever asks. */
  counts?: Readonly<Record<Role["name"], number>>;
  /** The data plane's release that runs; undefined: none runs, or releases do not matter. */
  version?: string;
}

/**
 * What keeps a cluster's instances running. `key` names the cluster in the queue, in signals and here. `apply` records what is wanted
 * and returns before it is so; safe to repeat, and a repeat changes nothing. Instances that die are replaced, with backoff, without
 * being told to. `stop` chooses those that go: they end without replacement, at once or when the lower count that follows takes them.
 * Both reject only where nothing was recorded. `shun` says all gateways that clients are not to be sent to; those that it names no more
 * are sent clients again. They go on serving those that they have, and what is forwarded to them. Safe to repeat; rejects where it is not so of
 * one, once it is of all others.
 */
export interface Substrate {
  observe(key: string, cluster: Cluster): Promise<Observation>;
  apply(key: string, topology: Topology, cluster: Cluster): Promise<void>;
  stop(key: string, instances: readonly string[]): Promise<void>;
  shun(key: string, gateways: readonly string[]): Promise<void>;
  /** Called after each change of an instance, with what is worth telling, in order. */
  onChange(listener: (key: string, events: readonly ClusterEvent[]) => void): Disposable;
}

export interface Signal {
  snapshot: Snapshot;
  ageMs: number;
}

/** What a cluster says of itself. */
export interface Signals {
  /** The latest snapshot; undefined where there is none or it is too old to count. */
  latest(cluster: string): Signal | undefined;
  /** Says events on the cluster's own channel, in order, later where no gateway takes them now; bounded, the oldest are dropped and counted. */
  announce(cluster: string, events: readonly ClusterEvent[]): void;
  /** Tells gateways to shed, by their nodes; once, and those that do not hear it now do not. */
  shed(cluster: string, orders: readonly ShedOrder[]): void;
}
