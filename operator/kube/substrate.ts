import type { ClusterEvent } from "#crds";
import type { Instance, Observation, Substrate } from "../port.ts";
import { act, FIELD_MANAGER, type Deed, type Refusal } from "./act.ts";
import { concerned, isRefilled, type Children } from "./children.ts";
import type { PodEvents } from "./observe/pod-events.ts";
import { changesOf } from "./observe/changes.ts";
import { instancesOf } from "./observe/instances.ts";
import { observationOf } from "./observe/observation.ts";
import { ANNOTATION } from "./plan/labels.ts";
import type { PlanInput, Settings } from "./plan/model.ts";
import { planOf } from "./plan/plan.ts";
import { leftServers } from "./plan/servers-left.ts";
import type { Applier } from "./runtime/apply.ts";
import type { Client } from "./runtime/client.ts";
import { refOf, type KubeObject, type OwnerReference } from "./runtime/object.ts";

export interface KubeSubstrateOptions {
  client: Client;
  applier: Applier;
  children: Children;
  settings: Settings;
  /** The resource behind a key; undefined: gone. */
  ownerOf: (key: string) => { namespace: string; reference: OwnerReference; released: readonly string[] } | undefined;
  /** How many jobs wait in a cluster's own RabbitMQ; undefined: not known. */
  jobsLeft: (key: string) => Promise<number | undefined>;
  podEvents: PodEvents;
  /** Told what was done to a cluster's objects. */
  onDeed: (key: string, deed: Deed) => void;
  now?: () => number;
}

export interface KubeSubstrate extends Substrate {
  /** What an informer tells of a child, after `children` knows it. */
  changed(before: KubeObject | undefined, after: KubeObject | undefined): void;
  /** Forgets a cluster that is gone. */
  forget(key: string): void;
}

interface Memory {
  instances: readonly Instance[];
  refusals: readonly Refusal[];
  obstacles: Observation["obstacles"];
  /** Mounted files have changed and the pods have not been told. */
  isRefilled: boolean;
}

/** Keeps clusters as Kubernetes objects. The API server keeps the pods; this keeps the objects, and tells what becomes of the pods. */
export const createKubeSubstrate = ({
  client,
  applier,
  children,
  settings,
  ownerOf,
  jobsLeft,
  podEvents,
  onDeed,
  now = Date.now,
}: KubeSubstrateOptions): KubeSubstrate => {
  const memories = new Map<string, Memory>();
  const listeners = new Set<(key: string, events: readonly ClusterEvent[]) => void>();
  const memoryOf = (key: string): Memory => {
    const memory = memories.get(key) ?? { instances: [], refusals: [], obstacles: [], isRefilled: false };
    memories.set(key, memory);
    return memory;
  };

  /** The kubelet reads mounted files again when its pod changes, and else after a minute. */
  const touchPods = async (key: string): Promise<void> => {
    const pods = children
      .of(key)
      .filter(({ kind, metadata }) => kind === "Pod" && metadata.deletionTimestamp === undefined);
    const annotations = { [ANNOTATION.filesChanged]: new Date(now()).toISOString() };
    for (const pod of pods)
      await client.merge(refOf(pod), { metadata: { annotations } }, { fieldManager: FIELD_MANAGER });
  };

  return {
    observe: async (key, cluster) => {
      const { refusals, obstacles } = memoryOf(key);
      const live = children.of(key);
      const events = await podEvents.about(live);
      return observationOf({ cluster, live, events, refusals, planned: obstacles, now: now() });
    },
    apply: async (key, topology, cluster) => {
      const owner = ownerOf(key);
      if (owner === undefined) return;
      const { namespace, reference, released } = owner;
      const live = children.of(key);
      const input: PlanInput = { cluster, topology, settings, live, released };
      const isLeft = leftServers(input).some(({ server }) => server === "rabbitmq");
      const rabbitmq = isLeft ? await jobsLeft(key) : undefined;
      const plan = planOf({ ...input, ...(rabbitmq === undefined ? {} : { jobsLeft: { rabbitmq } }) });
      const memory = memoryOf(key);
      memory.obstacles = plan.obstacles;
      const { refusals, deeds } = await act(plan, { client, applier, live, namespace, owner: reference });
      memory.refusals = refusals;
      for (const deed of deeds) onDeed(key, deed);
      if (!memory.isRefilled) return;
      memory.isRefilled = false;
      await touchPods(key);
    },
    stop: async (key, instances) => {
      const isMarked = ({ metadata: { annotations } }: KubeObject) => annotations?.[ANNOTATION.deletionCost] === "-1";
      const pods = children
        .of(key)
        .filter((it) => it.kind === "Pod" && instances.includes(it.metadata.name) && !isMarked(it));
      for (const pod of pods)
        await client.merge(
          refOf(pod),
          { metadata: { annotations: { [ANNOTATION.deletionCost]: "-1" } } },
          { fieldManager: FIELD_MANAGER },
        );
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
        const instances = isPod ? instancesOf(children.of(key), now()) : memory.instances;
        const events = isPod ? changesOf(memory.instances, instances, now()) : [];
        memory.instances = instances;
        for (const listener of listeners) listener(key, events);
      }
    },
    forget: (key) => void memories.delete(key),
  };
};
