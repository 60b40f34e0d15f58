import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseRealtimeCluster, withDefaults, type Cluster, type ClusterEvent } from "#crds";
import {
  openSignals,
  startReconciling,
  topology,
  type ClusterStatus,
  type Signals,
  type Substrate,
  type Topology,
} from "#operator";
import { createLog } from "#process";
import { eventually, freePort } from "#testing";
import { Registry } from "prom-client";
import type { LocalInstance } from "../keep-instance.ts";
import { stateDirectory } from "../state-directory.ts";
import { openLocalSubstrate } from "../substrate.ts";

const NAME = "test";

export interface LaptopOptions {
  spec: object;
  /** Secret → key → value, as `.secrets/<name>/<key>`. */
  secrets?: Record<string, Record<string, string>>;
  /** What the control loop hears in the place of the cluster's own signals, which then do not wake it either; `wake` does. */
  hear?: (signals: Signals, wake: () => void) => Signals;
  /** Called with each topology before it is made so. */
  onApply?: (topology: Topology) => void;
}

/** A cluster as `realtime up` runs it, with real processes, whose control loop is this process's. Disposed, all is stopped and removed. */
export interface Laptop extends AsyncDisposable {
  /** http://127.0.0.1:… of the entry. */
  url: string;
  /** Where it lies. */
  home: string;
  /** What happened to processes, in order. */
  events: readonly ClusterEvent[];
  signals: Signals;
  status(): ClusterStatus | undefined;
  /** A pool's workers that are there, also those that go. */
  workers(pool: string): LocalInstance[];
  /** Of those, the ones that are ready. */
  ready(pool: string): LocalInstance[];
  /** Takes a spec in the place of the one before. */
  edit(spec: object): void;
}

/** `spec` as a cluster; its paths are absolute. */
const clusterOf = (spec: object, generation: number): Cluster => {
  const parsed = parseRealtimeCluster({
    apiVersion: "realtimecluster.dev/v1alpha1",
    kind: "RealtimeCluster",
    metadata: { name: NAME, generation },
    spec,
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return withDefaults(parsed.value);
};

/** Brings it up; resolves once it is ready. */
export const startLaptop = async ({ spec, secrets = {}, hear, onApply = () => {} }: LaptopOptions): Promise<Laptop> => {
  await using stack = new AsyncDisposableStack();
  const home = await mkdtemp(join(tmpdir(), "realtime-laptop-"));
  stack.defer(() => rm(home, { recursive: true, force: true, maxRetries: 5 }));
  for (const [name, keys] of Object.entries(secrets)) {
    await mkdir(join(home, ".secrets", name), { recursive: true });
    for (const [key, value] of Object.entries(keys)) await writeFile(join(home, ".secrets", name, key), `${value}\n`);
  }
  const directory = stateDirectory(home, NAME);
  const clients = await freePort();
  const log = createLog("fatal", {});
  const events: ClusterEvent[] = [];
  let cluster = clusterOf(spec, 1);
  let status: ClusterStatus | undefined;
  const local = stack.use(
    await openLocalSubstrate({ directory, entry: { host: "127.0.0.1", clients, api: 0 }, delistMs: 50 }),
  );
  local.onChange((_cluster, told) => events.push(...told));
  const substrate: Substrate = {
    ...local,
    apply: (key, topology, of) => {
      onApply(topology);
      return local.apply(key, topology, of);
    },
  };
  const own = stack.use(
    openSignals({
      cluster: NAME,
      controls: local.controls,
      token: async () => (await readFile(directory.generated["control-token"], "utf8")).trim(),
      onNews: () => void (hear === undefined && loop.add(NAME)),
      log,
      registry: new Registry(),
    }),
  );
  const signals = hear?.(own, () => loop.add(NAME)) ?? own;
  const loop = stack.use(
    startReconciling({
      wanted: () => ({ cluster }),
      planFor: (it) => topology(it, { managedAs: "hub" }),
      substrate,
      signals,
      log,
      report: (_key, next) => void (status = next),
    }),
  );
  loop.add(NAME);
  await eventually(
    () => {
      const ready = status?.conditions.find(({ type }) => type === "Ready");
      if (ready?.status !== "True") throw new Error(`not ready: ${ready?.message}`);
    },
    { timeoutMs: 60_000, everyMs: 50 },
  );
  const workers = (pool: string) => local.instances().filter((it) => it.pool === pool);
  const running = stack.move();
  return {
    url: `http://127.0.0.1:${clients}`,
    home,
    events,
    signals: own,
    status: () => status,
    workers,
    ready: (pool) => workers(pool).filter(({ state }) => state === "ready"),
    edit: (next) => {
      cluster = clusterOf(next, cluster.generation + 1);
      loop.add(NAME);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
};
