import type { ClusterEvent } from "#crds";
import type { Instance, Observation, Obstacle, Substrate } from "../port.ts";
import { act, FIELD_MANAGER, type Deed, type Refusal } from "./act.ts";
import { concerned, isRefilled } from "./children.ts";
import type { PodEvents } from "./observe/pod-events.ts";
import { changesOf } from "./observe/changes.ts";
import { instancesOf } from "./observe/instances.ts";
import { observationOf } from "./observe/observation.ts";
import { failureObstacle } from "./observe/refusal-obstacles.ts";
import { ANNOTATION, LABEL, TAKES_CLIENTS } from "./plan/labels.ts";
import type { PlanInput, Settings } from "./plan/model.ts";
import { childNames } from "./plan/names.ts";
import { planOf } from "./plan/plan.ts";
import { leftServers } from "./plan/servers-left.ts";
import { ApiError, type Applier, type Client, type KubeObject, type OwnerReference, refOf } from "./runtime/index.ts";
import { stepsDown, type Cost } from "./scale-down.ts";

/** The resource behind a cluster. */
export interface Owner {
  namespace: string;
  reference: OwnerReference;
  /** When it was made. */
  since: string | undefined;
  /** What of its children its user lets go. */
  released: readonly string[];
}

export interface KubeSubstrateOptions {
  client: Client;
  applier: Applier;
  /** A cluster's live children. */
  childrenOf: (key: string) => readonly KubeObject[];
  settings: Settings;
  /** The resource behind a key; undefined: gone. */
  ownerOf: (key: string) => Owner | undefined;
  /** How many jobs wait in the RabbitMQ that is a StatefulSet of the cluster's; undefined: not known. */
  jobsLeft: (key: string) => Promise<number | undefined>;
  podEvents: PodEvents;
  /** Told what was done to a cluster's objects. */
  onDeeds: (key: string, deeds: readonly Deed[]) => void;
  now?: () => number;
}

export interface KubeSubstrate extends Substrate {
  /** What an informer tells of a child, after `childrenOf` knows it. */
  changed(before: KubeObject | undefined, after: KubeObject | undefined): void;
  /** Forgets a cluster that is gone. */
  forget(key: string): void;
}

interface Memory {
  /** Undefined: no change was told yet. */
  instances: readonly Instance[] | undefined;
  /** How many changes were told. */
  changes: number;
  /** From what the last plan was made that left nothing to do, and when. */
  calm: { input: string; at: number } | undefined;
  refusals: readonly Refusal[];
  obstacles: Observation["obstacles"];
  /** What the first write that failed in the last pass says. */
  failed: Obstacle | undefined;
  /** Mounted files have changed and the pods have not been told. */
  isRefilled: boolean;
  /** Who goes, of those that the next lower counts make too many. */
  victims: readonly string[];
}

/** How long a plan that left nothing to do, or nothing but what is refused, is not made again while all that it is made from stays. */
const CALM_MS = 10_000;
/** Pods that are labelled at once: other writes do not wait for all of them. */
const LANES = 8;

/** Keeps clusters as Kubernetes objects. The API server keeps the pods; this keeps the objects, and tells what becomes of the pods. */
export const createKubeSubstrate = ({
  client,
  applier,
  childrenOf,
  settings,
  ownerOf,
  jobsLeft,
  podEvents,
  onDeeds,
  now = Date.now,
}: KubeSubstrateOptions): KubeSubstrate => {
  const memories = new Map<string, Memory>();
  const listeners = new Set<(key: string, events: readonly ClusterEvent[]) => void>();
  const memoryOf = (key: string): Memory => {
    const memory = memories.get(key) ?? {
      instances: undefined,
      changes: 0,
      calm: undefined,
      refusals: [],
      obstacles: [],
      failed: undefined,
      isRefilled: false,
      victims: [],
    };
    // A pass that goes on after its resource has gone leaves nothing.
    if (ownerOf(key) !== undefined) memories.set(key, memory);
    return memory;
  };

  type Marks = Record<string, string | null>;
  /** A pod that is gone is none that could be told. */
  const mark = async (pod: KubeObject, metadata: { annotations: Marks } | { labels: Marks }): Promise<void> => {
    try {
      await client.merge(refOf(pod), { metadata }, { fieldManager: FIELD_MANAGER });
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
    }
  };

  /** The kubelet reads mounted files again when its pod changes, and else after a minute. What failed, if anything: it is tried again. */
  const touchPods = async (key: string, memory: Memory): Promise<unknown[]> => {
    if (!memory.isRefilled) return [];
    memory.isRefilled = false;
    const annotations = { [ANNOTATION.filesChanged]: new Date(now()).toISOString() };
    const isThere = ({ kind, metadata }: KubeObject) => kind === "Pod" && metadata.deletionTimestamp === undefined;
    try {
      for (const pod of childrenOf(key).filter(isThere)) await mark(pod, { annotations });
      return [];
    } catch (error) {
      memory.isRefilled = true;
      return [error];
    }
  };

  /** What failed, if anything: the next pass finds what is still to be written. */
  const writeCosts = async (live: readonly KubeObject[], costs: readonly Cost[]): Promise<unknown[]> => {
    const failures: unknown[] = [];
    for (const { pod: name, cost } of costs) {
      const pod = live.find(({ kind, metadata }) => kind === "Pod" && metadata.name === name);
      try {
        if (pod !== undefined) await mark(pod, { annotations: { [ANNOTATION.deletionCost]: cost } });
      } catch (error) {
        failures.push(error);
      }
    }
    return failures;
  };

  /** The children that are this resource's, not a deleted one's of the same name: those go by themselves, pods last. */
  const ownOf = (key: string): readonly KubeObject[] => {
    const since = Date.parse(ownerOf(key)?.since ?? "");
    const isOlder = ({ metadata }: KubeObject) => Date.parse(metadata.creationTimestamp ?? "") < since;
    return childrenOf(key).filter((it) => it.kind !== "Pod" || !isOlder(it));
  };

  /** As they were before the first change that was told: what ran already is no news. */
  const instancesBefore = (key: string, before: KubeObject | undefined, after: KubeObject | undefined) => {
    const others = childrenOf(key).filter((it) => it !== after);
    return instancesOf(before === undefined ? others : [...others, before], now());
  };

  return {
    observe: async (key, cluster) => {
      const { refusals, obstacles, failed } = memoryOf(key);
      const live = ownOf(key);
      const events = await podEvents.about(live);
      const seen = observationOf({ cluster, live, events, refusals, planned: obstacles, now: now() });
      const released = ownerOf(key)?.released ?? [];
      return {
        ...seen,
        obstacles: [...seen.obstacles, ...(failed === undefined ? [] : [failed])],
        leaving: seen.leaving.filter(({ name }) => !released.includes(`worker-${name}`)),
      };
    },
    apply: async (key, topology, cluster) => {
      const owner = ownerOf(key);
      if (owner === undefined) return;
      const memory = memoryOf(key);
      const untold = await touchPods(key, memory);
      const { namespace, reference, released } = owner;
      const { victims } = memory;
      memory.victims = [];
      const seen = JSON.stringify([memory.changes, reference.uid, released, topology, victims]);
      if (memory.calm?.input === seen && Math.abs(now() - memory.calm.at) < CALM_MS && untold.length === 0) return;
      const live = childrenOf(key);
      const { roles, costs } = stepsDown(topology.roles, { live, victims, now: now() });
      const input: PlanInput = { cluster, topology: { ...topology, roles }, settings, live, released };
      const { rabbitmq } = childNames(cluster.name);
      const isLeft = leftServers(input).some(({ objects: [itself] }) => itself?.metadata.name === rabbitmq);
      const jobs = isLeft ? await jobsLeft(key) : undefined;
      const plan = planOf({ ...input, ...(jobs === undefined ? {} : { jobsLeft: { [rabbitmq]: jobs } }) });
      memory.obstacles = plan.obstacles;
      const unmarked = await writeCosts(live, costs);
      const acted = await act(plan, { client, applier, live, namespace, owner: reference });
      const { refusals, deeds } = acted;
      const failures = [...acted.failures, ...untold, ...unmarked];
      memory.refusals = refusals;
      memory.failed = failures.map((it) => failureObstacle(it, memory.failed)).find((it) => it !== undefined);
      memory.calm = deeds.length + failures.length === 0 ? { input: seen, at: now() } : undefined;
      onDeeds(key, deeds);
      if (failures.length > 0) throw failures[0];
    },
    stop: async (key, instances) => {
      const memory = memoryOf(key);
      memory.victims = [...memory.victims, ...instances];
    },
    shun: async (key, gateways) => {
      const named = new Set(gateways);
      const pods = childrenOf(key).filter(
        ({ kind, metadata: { name, labels, deletionTimestamp } }) =>
          kind === "Pod" &&
          labels?.[LABEL.role] === "gateway" &&
          deletionTimestamp === undefined &&
          named.has(name) === (labels[LABEL.takesClients] !== undefined),
      );
      const off = { [LABEL.takesClients]: null };
      const left = pods.values();
      const failures: unknown[] = [];
      const lane = async () => {
        for (const it of left) {
          const labels = named.has(it.metadata.name) ? off : TAKES_CLIENTS;
          await mark(it, { labels }).catch((error: unknown) => failures.push(error));
        }
      };
      await Promise.all(Array.from({ length: LANES }, lane));
      if (failures.length > 0) throw failures[0];
    },
    onChange: (listener) => {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    changed: (before, after) => {
      for (const key of concerned(before, after)) {
        if (ownerOf(key) === undefined) continue;
        const memory = memoryOf(key);
        if (isRefilled(before, after)) memory.isRefilled = true;
        const isPod = (after ?? before)?.kind === "Pod";
        const instances = isPod ? instancesOf(childrenOf(key), now()) : memory.instances;
        const events = isPod
          ? changesOf(memory.instances ?? instancesBefore(key, before, after), instances ?? [], now())
          : [];
        memory.instances = instances;
        memory.changes += 1;
        for (const listener of listeners) listener(key, events);
      }
    },
    forget: (key) => void memories.delete(key),
  };
};
