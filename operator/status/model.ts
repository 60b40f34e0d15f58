import type { Cluster } from "#crds";
import type { Instance, Observation, Obstacle, Signal } from "../port.ts";
import type { Scaling } from "../scale/count.ts";
import type { Role, Topology } from "../topology/model.ts";

export type ConditionType =
  | "Ready"
  | "GatewaysReady"
  | "BrokerReady"
  | "AdapterReady"
  | "WorkersReady"
  | "ScalingActive"
  | "ScalingLimited"
  | "Exposed"
  | "DataRetained"
  | "DrainPaced"
  | "AuthenticationConfigured"
  | "Paused"
  | "Reconciling"
  | "Stalled";

/** What a condition says, without its times. */
export interface Judgement {
  status: "True" | "False" | "Unknown";
  /** One CamelCase word. */
  reason: string;
  /** A sentence with the numbers. */
  message: string;
}

export interface Condition extends Judgement {
  type: ConditionType;
  observedGeneration: number;
  /** ISO 8601; when `status` last changed. */
  lastTransitionTime: string;
}

export interface PoolStatus {
  name: string;
  replicas: number;
  ready: number;
  /** Waiting and in hand; absent: unknown. */
  backlog?: number;
  dead?: number;
}

/** A count that follows a load. */
export interface ScalingStatus {
  /** gateway, or worker-<pool>. */
  name: string;
  desired: number;
  /** Ready. */
  actual: number;
  /** Why it is as many, in one word and in a sentence; as of `at`, ISO 8601. */
  reason: string;
  message: string;
  at: string;
}

/** How many serve, and how many are wanted. */
export interface Count {
  ready: number;
  wanted: number;
}

export interface ClusterStatus {
  observedGeneration: number;
  /** The data plane's release that runs. */
  version?: string;
  conditions: Condition[];
  /** Absent: the resource does not say. */
  gateways?: Count;
  /** Of all pools. */
  workers?: Count;
  pools: PoolStatus[];
  /** Of what follows its load; absent: nothing does, or it is held. */
  scaling?: ScalingStatus[];
}

/** All that conditions are judged by. */
export interface Facts {
  cluster: Cluster;
  /** With the counts as they are wanted now. */
  topology: Topology;
  observation: Observation;
  signal: Signal | undefined;
  /** Counts that follow their load. */
  scalings?: readonly Scaling[];
}

/**
 * A role's instances that serve: ready, of the wanted configuration or of the one that it replaces. Of gateways those of either, since
 * clients are sent to one configuration alone.
 */
export const readyOf = (role: Role, instances: readonly Instance[]): number => {
  const ready = instances.filter(({ of, state }) => of === role.name && state === "ready");
  if (role.role !== "gateway") return ready.length;
  return Math.max(0, ...[...Map.groupBy(ready, ({ configHash }) => configHash).values()].map(({ length }) => length));
};

/** Why the first of a role's instances that cannot run does not; undefined where none fails. */
export const failureOf = (role: Role, instances: readonly Instance[]): string | undefined => {
  const failing = instances.find(({ of, state }) => of === role.name && state === "failing");
  return failing && `${failing.instance}: ${failing.message ?? "it ended before it was ready"}`;
};

/** What stands in the way of a role, of `expose`, `servers` or `data`; what lasts comes first. */
export const obstaclesOf = ({ observation: { obstacles } }: Facts, of: string): Obstacle[] =>
  obstacles.filter((it) => it.of === of).sort((a, b) => Number(b.isLasting) - Number(a.isLasting));

/** Whether roles are pods: a laptop has no way in of its own, and keeps no data that a change could leave behind. */
export const hasPods = ({ topology }: Facts): boolean => topology.release !== undefined;
