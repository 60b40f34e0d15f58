import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { API_VERSION, KIND, parseRealtimeCluster, withDefaults, type Cluster, type GatewayReport } from "#crds";
import { openSignals, startReconciling, topology } from "#operator";
import { silentLog } from "#process";
import { freePort } from "#testing";
import { Registry } from "prom-client";
import { stateDirectory } from "../state-directory.ts";
import { openLocalSubstrate, type LocalSubstrate } from "../substrate.ts";

const NAME = "test";

/** A cluster of real processes that the control loop keeps as a file would say. */
export interface RunningCluster extends AsyncDisposable {
  /** Of the entry, for clients. */
  url: string;
  substrate: LocalSubstrate;
  apply(spec: object): void;
  /** Tells a channel over the HTTP API. */
  publish(channel: string, event: string, data: unknown): Promise<void>;
  /** The text of an instance's log. */
  log(instance: string): Promise<string>;
  /** What each gateway says of itself now, by its instance. */
  reports(): Map<string, GatewayReport>;
}

const parsed = (spec: object, generation: number): Cluster => {
  const it = parseRealtimeCluster({ apiVersion: API_VERSION, kind: KIND, metadata: { name: NAME, generation }, spec });
  if (!it.ok) throw new Error(JSON.stringify(it.problems));
  return withDefaults(it.value);
};

/** `spec` needs `gateway.api`. */
export const runCluster = async (spec: object): Promise<RunningCluster> => {
  await using opening = new AsyncDisposableStack();
  const home = await mkdtemp(join(tmpdir(), "realtime-running-"));
  opening.defer(() => rm(home, { recursive: true, force: true }));
  const directory = stateDirectory(home, NAME);
  const [clients, api] = [await freePort(), await freePort()];
  const substrate = opening.use(await openLocalSubstrate({ directory, entry: { host: "127.0.0.1", clients, api } }));
  const log = silentLog();
  const signals = opening.use(
    openSignals({
      cluster: NAME,
      controls: substrate.controls,
      token: async () => (await readFile(directory.generated["control-token"], "utf8")).trim(),
      log,
      registry: new Registry(),
    }),
  );
  let current = parsed(spec, 1);
  const loop = opening.use(
    startReconciling({
      wanted: () => ({ cluster: current }),
      planFor: (cluster) => topology(cluster, { managedAs: "hub" }),
      substrate,
      signals,
      log,
      report: () => undefined,
    }),
  );
  loop.add(NAME);
  const stack = opening.move();
  return {
    url: `http://127.0.0.1:${clients}`,
    substrate,
    apply: (next) => {
      current = parsed(next, current.generation + 1);
      loop.add(NAME);
    },
    publish: async (channel, event, data) => {
      const key = (await readFile(join(directory.generated["api-keys"], "default"), "utf8")).trim();
      const response = await fetch(`http://127.0.0.1:${api}/api/publish`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: JSON.stringify({ channel, event, data }),
      });
      if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
      await response.body?.cancel();
    },
    log: (instance) => readFile(directory.log(instance), "utf8"),
    reports: () => {
      const gateways = signals.latest(NAME)?.snapshot.gateways ?? [];
      return new Map(gateways.map((report) => [report.node.slice(0, report.node.lastIndexOf("-")), report]));
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};
