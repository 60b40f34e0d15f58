import type { Cluster, Pool } from "#crds";
import type { Log } from "#process";
import { startController, type ControllerOptions } from "./kube/runtime/controller.ts";
import type { PassOutcome, Queue, WorkQueue } from "./kube/runtime/work-queue.ts";
import type { Instance, Observation, Signal, Signals, Substrate } from "./port.ts";
import { initialScale, scale, type ScaleState } from "./scale/scale.ts";
import { victims } from "./scale/victims.ts";
import type { ClusterStatus } from "./status/model.ts";
import { invalidStatus } from "./status/invalid.ts";
import { statusOf } from "./status/status.ts";
import type { Problem, Role, Topology } from "./topology/model.ts";

/** A cluster as its user wants it, or what is wrong with what he wrote. */
export type Wanted = { cluster: Cluster } | { problems: readonly Problem[]; generation: number };

export interface ReconcileOptions {
  /** The cluster of that key; undefined: there is none. */
  wanted: (key: string) => Wanted | undefined;
  /** What is to run, given what does. */
  planFor: (cluster: Cluster, observed: Observation, leaving: readonly Pool[]) => Topology;
  substrate: Substrate;
  signals: Signals;
  /** Told after each pass, whether anything changed or not. */
  report: (key: string, status: ClusterStatus) => void | Promise<void>;
  log: Log;
  now?: () => number;
  /** How often a cluster is looked at while a count follows the load, and otherwise. */
  every?: { scalingMs: number; restingMs: number };
  /** Of the queue and its metrics. */
  controller?: Omit<Partial<ControllerOptions>, "pass" | "log">;
}

interface Memory {
  /** By the role's name. */
  scales: Map<string, { count: number; state: ScaleState }>;
  status: ClusterStatus | undefined;
}

/** The load that a role's count follows; undefined: unknown. */
const loadOf = (role: Role, signal: Signal | undefined): number | undefined => {
  if (signal === undefined) return undefined;
  if (role.scale?.by === "connections")
    return signal.snapshot.gateways.reduce((sum, { connections, carried }) => sum + connections + carried, 0);
  const report = signal.snapshot.pools.find(({ pool }) => pool === role.pool);
  return report?.ready === undefined || report.unacked === undefined ? undefined : report.ready + report.unacked;
};

/** Pools that the resource no longer has and whose queue may still hold jobs. */
const stillNeeded = ({ leaving }: Observation, signal: Signal | undefined): Pool[] =>
  leaving.filter(({ name }) => {
    const report = signal?.snapshot.pools.find(({ pool }) => pool === name);
    return report?.ready === undefined || report.unacked === undefined || report.ready + report.unacked > 0;
  });

const withCount = (
  role: Role,
  memory: Memory,
  instances: readonly Instance[],
  signal: Signal | undefined,
  now: number,
): Role => {
  if (role.scale === undefined) {
    memory.scales.delete(role.name);
    return role;
  }
  const known = memory.scales.get(role.name);
  const running = instances.filter(({ of, state }) => of === role.name && state !== "stopping").length;
  const next = scale(
    { rules: role.scale, current: known?.count ?? running, load: loadOf(role, signal), now },
    known?.state ?? initialScale,
  );
  memory.scales.set(role.name, next);
  return { ...role, count: next.count };
};

/** One pass: read the world, decide, act, tell. Safe to repeat. A mistake in the resource is a condition, and changes nothing. */
const reconciler = ({
  wanted,
  planFor,
  substrate,
  signals,
  report,
  now = Date.now,
  every = { scalingMs: 1000, restingMs: 10_000 },
}: ReconcileOptions) => {
  const memories = new Map<string, Memory>();

  const act = async (
    key: string,
    {
      cluster,
      plan,
      instances,
      signal,
    }: { cluster: Cluster; plan: Topology; instances: readonly Instance[]; signal: Signal | undefined },
  ): Promise<void> => {
    for (const role of plan.roles) {
      const own = instances.filter(
        ({ of, state, configHash }) => of === role.name && state !== "stopping" && configHash === role.configHash,
      );
      const gone = role.scale === undefined ? [] : victims(own, own.length - role.count, signal?.snapshot);
      if (gone.length > 0) await substrate.stop(key, gone);
    }
    await substrate.apply(key, plan, cluster);
  };

  return async (key: string): Promise<PassOutcome> => {
    const it = wanted(key);
    if (it === undefined) {
      memories.delete(key);
      return {};
    }
    if ("problems" in it) {
      await report(key, invalidStatus(it.problems, it.generation));
      return {};
    }
    const { cluster } = it;
    const memory = memories.get(key) ?? { scales: new Map(), status: undefined };
    memories.set(key, memory);
    const signal = signals.latest(key);
    const before = await substrate.observe(key, cluster);
    const base = planFor(cluster, before, stillNeeded(before, signal));
    const roles = base.roles.map((role) => withCount(role, memory, before.instances, signal, now()));
    const plan = { ...base, roles };
    const isHeld = plan.problems.length > 0 || cluster.spec.suspend === true;
    if (!isHeld) await act(key, { cluster, plan, instances: before.instances, signal });
    const observation = isHeld ? before : await substrate.observe(key, cluster);
    const status = statusOf({ cluster, topology: plan, observation, signal }, memory.status, now());
    memory.status = status;
    await report(key, status);
    const isSettled = status.conditions.some(({ type, status }) => type === "Ready" && status === "True");
    return {
      requeueAfterMs: !isSettled || plan.roles.some((role) => role.scale) ? every.scalingMs : every.restingMs,
    };
  };
};

/** The control loop: looks at a cluster when it is added to the queue, when the substrate tells of a change, and from time to time. */
export const startReconciling = (options: ReconcileOptions): Queue & Pick<WorkQueue, "longestRunning"> => {
  const queue = startController({
    name: "realtimecluster",
    ...options.controller,
    log: options.log,
    pass: reconciler(options),
  });
  const subscription = options.substrate.onChange((cluster, events) => {
    if (events.length > 0) options.signals.announce(cluster, events);
    queue.add(cluster);
  });
  return {
    add: (key) => queue.add(key),
    longestRunning: () => queue.longestRunning(),
    async [Symbol.asyncDispose]() {
      subscription[Symbol.dispose]();
      await queue[Symbol.asyncDispose]();
    },
  };
};
