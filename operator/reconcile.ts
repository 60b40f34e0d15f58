import type { Cluster, Pool } from "#crds";
import type { Log } from "#process";
import { startController, type ControllerOptions } from "./kube/runtime/controller.ts";
import type { PassOutcome, Queue, WorkQueue } from "./kube/runtime/work-queue.ts";
import type { Instance, Observation, Signal, Signals, Substrate } from "./port.ts";
import { createRebalancer } from "./rebalancer.ts";
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
  /** By the pool's name, since when it leaves. */
  leaving: ReadonlyMap<string, number>;
  status: ClusterStatus | undefined;
}

/** The load that a role's count follows, without what workers that go end by themselves; undefined: unknown. */
const loadOf = (role: Role, signal: Signal | undefined): number | undefined => {
  if (signal === undefined) return undefined;
  if (role.scale?.by === "connections")
    return signal.snapshot.gateways.reduce((sum, { connections, carried }) => sum + connections + carried, 0);
  const report = signal.snapshot.pools.find(({ pool }) => pool === role.pool);
  if (report?.ready === undefined || report.unacked === undefined) return undefined;
  return report.ready + report.unacked - (report.leaving ?? 0);
};

/** Until then gateways may not have heard that a pool leaves, and go on filling its queue. */
const HEARD_MS = 10_000;

/** Pools that the resource no longer has and whose queue may still hold jobs. */
const stillNeeded = (
  { leaving }: Observation,
  { since, signal, now }: { since: Memory["leaving"]; signal: Signal | undefined; now: number },
): Pool[] =>
  leaving.filter(({ name }) => {
    const report = signal?.snapshot.pools.find(({ pool }) => pool === name);
    if (signal === undefined || report?.ready === undefined || report.unacked === undefined) return true;
    return report.ready + report.unacked > 0 || now - signal.ageMs - (since.get(name) ?? now) < HEARD_MS;
  });

const withCount = (
  role: Role,
  memory: Memory,
  { instances, counts = {} }: Observation,
  signal: Signal | undefined,
  now: number,
): Role => {
  const asked = counts[role.name];
  if (role.scale === undefined) {
    memory.scales.delete(role.name);
    return role.isCountedElsewhere === true && asked !== undefined ? { ...role, count: asked } : role;
  }
  const known = memory.scales.get(role.name);
  const running = instances.filter(({ of, state }) => of === role.name && state !== "stopping").length;
  const next = scale(
    { rules: role.scale, current: known?.count ?? asked ?? running, load: loadOf(role, signal), now },
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
  log,
  now = Date.now,
  every = { scalingMs: 1000, restingMs: 10_000 },
}: ReconcileOptions) => {
  const memories = new Map<string, Memory>();
  const rebalancer = createRebalancer({ substrate, signals, log, now });

  /** What failed, if anything: the pass tells how things are all the same, and fails then. */
  const act = async (
    key: string,
    {
      cluster,
      plan,
      instances,
      signal,
    }: { cluster: Cluster; plan: Topology; instances: readonly Instance[]; signal: Signal | undefined },
  ): Promise<{ error: unknown } | undefined> => {
    try {
      for (const role of plan.roles) {
        const own = instances.filter(
          ({ of, state, configHash }) => of === role.name && state !== "stopping" && configHash === role.configHash,
        );
        // Of gateways the emptiest go, whoever says how many.
        const gone =
          role.scale === undefined && role.role !== "gateway"
            ? []
            : victims(own, own.length - role.count, signal?.snapshot);
        if (gone.length > 0) await substrate.stop(key, gone);
      }
      await substrate.apply(key, plan, cluster);
      return undefined;
    } catch (error) {
      return { error };
    }
  };

  return async (key: string): Promise<PassOutcome> => {
    const it = wanted(key);
    if (it === undefined) {
      memories.delete(key);
      rebalancer.forget(key);
      return {};
    }
    if ("problems" in it) {
      const isMoving = await rebalancer.pass(key, undefined);
      await report(key, invalidStatus(it.problems, it.generation));
      return isMoving ? { requeueAfterMs: every.scalingMs } : {};
    }
    const { cluster } = it;
    const memory = memories.get(key) ?? { scales: new Map(), leaving: new Map(), status: undefined };
    memories.set(key, memory);
    const signal = signals.latest(key);
    const before = await substrate.observe(key, cluster);
    const since = memory.leaving;
    memory.leaving = new Map(before.leaving.map(({ name }) => [name, since.get(name) ?? now()]));
    const base = planFor(cluster, before, stillNeeded(before, { since: memory.leaving, signal, now: now() }));
    for (const name of memory.scales.keys())
      if (!base.roles.some((role) => role.name === name)) memory.scales.delete(name);
    const roles = base.roles.map((role) => withCount(role, memory, before, signal, now()));
    const plan = { ...base, roles };
    const isHeld = plan.problems.length > 0 || cluster.spec.suspend === true;
    const failure = isHeld ? undefined : await act(key, { cluster, plan, instances: before.instances, signal });
    const observation = isHeld ? before : await substrate.observe(key, cluster);
    const { instances } = observation;
    const isMoving = await rebalancer.pass(key, isHeld ? undefined : { cluster, plan, instances, signal });
    const status = statusOf({ cluster, topology: plan, observation, signal }, memory.status, now());
    memory.status = status;
    await report(key, status);
    if (failure !== undefined) throw failure.error;
    const isResting = status.conditions.some(
      ({ type, status }) => (type === "Ready" || type === "Stalled") && status === "True",
    );
    return {
      requeueAfterMs:
        !isResting || isMoving || plan.roles.some((role) => role.scale) ? every.scalingMs : every.restingMs,
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
