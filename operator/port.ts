import type { ClusterEvent, Snapshot } from "#crds";
import type { Role, RoleName, Topology } from "./topology/model.ts";

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

/**
 * What keeps a cluster's instances running. `apply` records what is wanted and returns before it is so; safe to repeat, and a repeat
 * changes nothing. Instances that die are replaced, with backoff, without being told to. `stop` ends the named ones for good and
 * without replacement, so that a lower count that follows finds them gone. Both reject only where nothing was recorded.
 */
export interface Substrate {
  observe(cluster: string): Promise<readonly Instance[]>;
  apply(topology: Topology): Promise<void>;
  stop(cluster: string, instances: readonly string[]): Promise<void>;
  /** Called after each change of an instance, with what is worth telling, in order. */
  onChange(listener: (cluster: string, events: readonly ClusterEvent[]) => void): Disposable;
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
}
