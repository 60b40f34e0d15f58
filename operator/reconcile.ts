import type { Cluster, Pool } from "#crds";
import type { Log } from "#process";
import { startController, type ControllerOptions } from "./kube/runtime/controller.ts";
import type { PassOutcome, Queue, WorkQueue } from "./kube/runtime/work-queue.ts";
import type { Instance, Observation, Signal, Signals, Substrate } from "./port.ts";
import { createRebalancer, type Rebalancer } from "./rebalancer.ts";
import { countRoles, initialCounts, type CountMemory, type Scaling } from "./scale/count.ts";
import { inHandOf } from "./scale/in-hand.ts";
import { scaledEvent } from "./scale/tell.ts";
import { victims } from "./scale/victims.ts";
import type { ClusterStatus } from "./status/model.ts";
import { invalidStatus } from "./status/invalid.ts";
import { statusOf } from "./status/status.ts";
import type { Problem, Topology } from "./topology/model.ts";

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
  /** Told of each count that changed since its load did. */
  onScaled?: (key: string, scaled: readonly Scaling[]) => void;
  log: Log;
  now?: () => number;
  /** How often a cluster is looked at while a count follows the load, and otherwise. */
  every?: { scalingMs: number; restingMs: number };
  /** Of the queue and its metrics. */
  controller?: Omit<Partial<ControllerOptions>, "pass" | "log">;
}

interface Memory {
  counts: CountMemory;
  /** By the pool's name, since when it leaves. */
  leaving: ReadonlyMap<string, number>;
  status: ClusterStatus | undefined;
}

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

/** One pass: read the world, decide, act, tell. Safe to repeat. A mistake in the resource is a condition, and changes nothing. */
const reconciler = (
  {
    wanted,
    planFor,
    substrate,
    signals,
    report,
    onScaled = () => {},
    now = Date.now,
    every = { scalingMs: 1000, restingMs: 10_000 },
  }: ReconcileOptions,
  rebalancer: Rebalancer,
) => {
  const memories = new Map<string, Memory>();

  /** What failed, if anything: the pass tells how things are all the same, and fails then. */
  const act = async (
    key: string,
    {
      cluster,
      plan,
      instances,
      signal,
      scalings,
    }: {
      cluster: Cluster;
      plan: Topology;
      instances: readonly Instance[];
      signal: Signal | undefined;
      scalings: readonly Scaling[];
    },
  ): Promise<{ error: unknown } | undefined> => {
    try {
      for (const role of plan.roles) {
        const own = instances.filter(
          ({ of, state, configHash }) => of === role.name && state !== "stopping" && configHash === role.configHash,
        );
        // Of gateways the emptiest go, whoever says how many.
        const inHand =
          scalings.find((it) => it.role.name === role.name)?.inHand ??
          (role.role === "gateway" ? inHandOf(own, signal?.snapshot, new Map()).inHand : undefined);
        const gone = inHand === undefined ? [] : victims(own, { surplus: own.length - role.count, inHand });
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
    const memory = memories.get(key) ?? { counts: initialCounts, leaving: new Map(), status: undefined };
    memories.set(key, memory);
    const signal = signals.latest(key);
    const before = await substrate.observe(key, cluster);
    const since = memory.leaving;
    memory.leaving = new Map(before.leaving.map(({ name }) => [name, since.get(name) ?? now()]));
    const base = planFor(cluster, before, stillNeeded(before, { since: memory.leaving, signal, now: now() }));
    const isHeld = base.problems.length > 0 || cluster.spec.suspend === true;
    const {
      roles,
      scalings,
      news,
      memory: counts,
    } = countRoles({ roles: base.roles, observation: before, signal, isHeld, now: now() }, memory.counts);
    memory.counts = counts;
    const plan = { ...base, roles };
    const failure = isHeld
      ? undefined
      : await act(key, { cluster, plan, instances: before.instances, signal, scalings });
    if (news.length > 0) {
      signals.announce(
        key,
        news.map((it) => scaledEvent(cluster.name, it)),
      );
      onScaled(key, news);
    }
    const observation = isHeld ? before : await substrate.observe(key, cluster);
    const { instances } = observation;
    const isMoving = await rebalancer.pass(key, isHeld ? undefined : { cluster, plan, instances, signal });
    const status = statusOf({ cluster, topology: plan, observation, signal, scalings }, memory.status, now());
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
  const { substrate, signals, log, now = Date.now } = options;
  const rebalancer = createRebalancer({ substrate, signals, log, now });
  const queue = startController({
    name: "realtimecluster",
    ...options.controller,
    log,
    pass: reconciler(options, rebalancer),
  });
  const subscription = substrate.onChange((cluster, events) => {
    if (events.length > 0) signals.announce(cluster, events);
    queue.add(cluster);
  });
  return {
    add: (key) => queue.add(key),
    longestRunning: () => queue.longestRunning(),
    async [Symbol.asyncDispose]() {
      subscription[Symbol.dispose]();
      await queue[Symbol.asyncDispose]();
      await rebalancer[Symbol.asyncDispose]();
    },
  };
};
