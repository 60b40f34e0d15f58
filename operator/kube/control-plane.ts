import { GROUP } from "#crds";
import type { Log } from "#process";
import type { Registry } from "prom-client";
import { z } from "zod";
import { startReconciling } from "../reconcile.ts";
import { type Releases, releaseOf } from "../topology/release.ts";
import { topology } from "../topology/topology.ts";
import { FIELD_MANAGER, NAME } from "./act.ts";
import { clusterOf } from "./cluster-of.ts";
import { createControlTokens, tokenSeen } from "./control-token.ts";
import { eventsOf, scaledEventOf } from "./events-of.ts";
import { hurryGateways, takesChildren } from "./hurry.ts";
import { allControlsOf, controlsOf } from "./observe/controls.ts";
import { createPodEvents } from "./observe/pod-events.ts";
import { perObject } from "./per-object.ts";
import { ANNOTATION } from "./plan/labels.ts";
import type { Settings } from "./plan/model.ts";
import { askJobsLeft } from "./rabbitmq/ask.ts";
import { openReport } from "./report.ts";
import {
  type Client,
  type KubeClient,
  type KubeObject,
  type WorkQueue,
  createApplier,
  keyOf,
  openEventRecorder,
  refOf,
} from "./runtime/index.ts";
import { openFleetSignals } from "./signals.ts";
import { createKubeSubstrate } from "./substrate.ts";
import { openWorld } from "./world.ts";

export interface ControlPlaneOptions {
  /** Reads. */
  reader: KubeClient;
  /** Writes, while this process leads. */
  client: Client;
  /** This process, in events. */
  instance: string;
  /** Empty: all. */
  namespaces: readonly string[];
  release: Releases;
  settings: Omit<Settings, "isServed">;
  isLeader: () => boolean;
  /** Ends a start that is under way, which then rejects. */
  signal: AbortSignal;
  log: Log;
  registry: Registry;
}

/** Whatever changes tells so; this is for what nobody tells, such as time that passes. */
const EVERY = { scalingMs: 2000, restingMs: 30_000 };
const CONCURRENCY = 8;
/** How long a cluster may take to say its first word. */
const EARLY_MS = 10_000;

export type ControlPlane = AsyncDisposable & Pick<WorkQueue, "longestRunning">;

/** All that acts: follows the clusters and their children, and makes each so. Resolves once everything is known and the first pass of each is due. */
export const startControlPlane = async (options: ControlPlaneOptions): Promise<ControlPlane> => {
  const { reader, client, instance, namespaces, release, isLeader, signal, log, registry } = options;
  await using stack = new AsyncDisposableStack();
  const recorder = stack.use(openEventRecorder({ client, controller: NAME, instance, log, registry }));
  const world = stack.use(await openWorld({ client: reader, namespaces, signal, log, registry }));
  const { childrenOf, resource } = world;
  const uidOf = (key: string) => resource(key)?.metadata.uid;
  const settings: Settings = { ...options.settings, isServed: world.isServed };
  const applier = createApplier({
    client,
    fieldManager: FIELD_MANAGER,
    annotationPrefix: GROUP,
    live: world.live,
    log,
    registry,
  });
  const report = stack.use(openReport({ client, recorder, log, registry }));
  const substrate = createKubeSubstrate({
    client,
    applier,
    childrenOf,
    settings,
    ownerOf: (key) => {
      const it = resource(key);
      return it && ownerOf(it);
    },
    jobsLeft: askJobsLeft(reader, { ...settings, uidOf }),
    podEvents: createPodEvents({
      client: reader,
      onError: (error) => log.warn({ err: error }, "events about pods could not be read: conditions know less"),
    }),
    onDeeds: (key, deeds) => {
      const about = resource(key);
      if (about !== undefined) for (const event of eventsOf(deeds)) recorder.record({ about, ...event });
    },
  });
  const wanted = perObject(clusterOf);
  const tokens = createControlTokens(reader, { seen: (key) => tokenSeen(key, childrenOf(key)), uidOf });
  const signals = stack.use(
    openFleetSignals({
      controls: (key) => controlsOf(childrenOf(key)),
      token: (key) => tokens.of(key),
      onNews: (key) => loop.add(key),
      log,
      registry,
    }),
  );
  const loop = stack.use(
    startReconciling({
      wanted: (key) => {
        const it = resource(key);
        return it === undefined || it.metadata.deletionTimestamp !== undefined ? undefined : wanted(it);
      },
      planFor: (cluster, { version }, leaving) => {
        const chosen = releaseOf({ asked: cluster.spec.version, running: version }, release);
        const plan = topology(cluster, { managedAs: "server", release: chosen.release, leaving });
        return { ...plan, problems: [...chosen.problems, ...plan.problems] };
      },
      substrate,
      signals,
      onScaled: (key, scaled) => {
        const about = resource(key);
        if (about !== undefined) for (const it of scaled) recorder.record({ about, ...scaledEventOf(it) });
      },
      report: async (key, status) => {
        const it = resource(key);
        const isFound = silent.has(key) && signals.latest(key) === undefined;
        if (it === undefined || (isFound && observedGeneration(it) === status.observedGeneration)) return;
        const parsed = wanted(it);
        const cluster = "cluster" in parsed ? parsed.cluster : undefined;
        await report.write(it, status, { cluster, live: childrenOf(key), own: release.forNew });
      },
      every: EVERY,
      controller: { mayAct: isLeader, registry, concurrency: CONCURRENCY },
      log,
    }),
  );

  // An operator that has just begun knows less of the clusters that it finds than the one before it wrote.
  const silent = new Set(world.resources().map(({ metadata }) => keyOf(metadata)));
  const listening = setTimeout(() => {
    const keys = [...silent];
    silent.clear();
    keys.forEach((key) => loop.add(key));
  }, EARLY_MS);
  stack.defer(() => clearTimeout(listening));

  const arrived = (it: KubeObject) => {
    const key = keyOf(it.metadata);
    hurry(it, false);
    signals.follow(key);
    loop.add(key);
  };
  /** A cluster that goes as a whole waits for no drain. */
  const hurry = (it: KubeObject, isGone: boolean) => {
    const key = keyOf(it.metadata);
    if (!takesChildren(it, isGone) || !isLeader()) return;
    void hurryGateways(allControlsOf(childrenOf(key)), { token: () => tokens.of(key, it.metadata.uid), log });
  };
  const gone = (it: KubeObject) => {
    const key = keyOf(it.metadata);
    hurry(it, true);
    signals.forget(key);
    substrate.forget(key);
    tokens.forget(key);
    report.forget(it);
    loop.add(key);
  };
  stack.use(
    world.onChange({
      resource: (before, after) => {
        if (before !== undefined && after === undefined) gone(before);
        else if (after !== undefined && isEdited(before, after)) arrived(after);
      },
      child: (before, after) => {
        if (before !== undefined && after === undefined) applier.forget(refOf(before));
        substrate.changed(before, after);
      },
      kinds: () => world.resources().forEach((it) => loop.add(keyOf(it.metadata))),
    }),
  );
  world.resources().forEach(arrived);
  const started = stack.move();
  return { longestRunning: () => loop.longestRunning(), [Symbol.asyncDispose]: () => started.disposeAsync() };
};

/** What makes a cluster the owner of its children, and what of theirs its user lets go. */
const ownerOf = ({ apiVersion, kind, metadata }: KubeObject) => ({
  namespace: metadata.namespace ?? "default",
  since: metadata.creationTimestamp,
  released: (metadata.annotations?.[ANNOTATION.release] ?? "").split(",").map((name) => name.trim()),
  reference: {
    apiVersion,
    kind,
    name: metadata.name,
    uid: metadata.uid ?? "",
    controller: true,
    blockOwnerDeletion: false,
  },
});

/** Whether a user changed something; the status is our own writing. */
const isEdited = (before: KubeObject | undefined, { metadata }: KubeObject): boolean =>
  before?.metadata.uid !== metadata.uid ||
  before?.metadata.generation !== metadata.generation ||
  before?.metadata.deletionTimestamp !== metadata.deletionTimestamp ||
  JSON.stringify(before?.metadata.annotations) !== JSON.stringify(metadata.annotations);

const observed = z.looseObject({ status: z.looseObject({ observedGeneration: z.number() }) });

/** The generation that a resource's status speaks of; undefined: it has none. */
const observedGeneration = (it: KubeObject): number | undefined =>
  observed.safeParse(it).data?.status.observedGeneration;
