import { afterAll, beforeAll, test } from "@jest/globals";
import { z } from "zod";
import { keepDiagnostics } from "./diagnostics.ts";
import { apply, isReady, kubectl, kubectlJson, listOf, object, pod, type Pod, type Thing } from "./kubectl.ts";
import { resourceStatus, type ClusterStatus } from "./resource.ts";
import { runLabel, unique } from "./settings.ts";
import { waitFor } from "./wait-for.ts";

export interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
}

/** A namespace of a test's own. Disposed, it is gone with all that is in it. */
export interface Stage extends AsyncDisposable {
  namespace: string;
  /** kubectl in this namespace. */
  kubectl(...args: string[]): Promise<string>;
  apply(manifest: object | string): Promise<string>;
  get(kind: string, name: string): Promise<Thing>;
  find(kind: string, name: string): Promise<Thing | undefined>;
  list(kind: string, selector?: string): Promise<Thing[]>;
  /** Pods of a cluster that are not on their way out; of one role, or of one pool. */
  pods(cluster: string, role?: string, pool?: string): Promise<Pod[]>;
  /** uid of each of them, sorted. */
  podUids(cluster: string, role?: string): Promise<string[]>;
  status(cluster: string): Promise<ClusterStatus>;
  /** Merges a patch into the resource's spec, as a user's `kubectl patch` does. */
  patch(cluster: string, spec: object): Promise<void>;
  /** Resolves once the resource is Ready at its own generation, as `kubectl wait` says it. */
  ready(cluster: string, timeoutMs?: number): Promise<void>;
  /** Resolves with the condition once it has this status, of the generation that is. */
  condition(
    cluster: string,
    type: string,
    status: "True" | "False" | "Unknown",
    options?: { reason?: string | RegExp; message?: RegExp; timeoutMs?: number },
  ): Promise<Condition>;
  /** Has kept what the stage is like, in e2e/.artifacts. */
  keepDiagnostics(sentence: string): Promise<string>;
}

/** The resource by its full name: short ones may be another's as well. */
export const RESOURCE = "realtimeclusters.realtimecluster.dev";
const OWNED = "realtimecluster.dev/cluster";
const ROLE = "realtimecluster.dev/role";
const POOL = "realtimecluster.dev/pool";

/** Makes a namespace; `labels` are added to it. */
export const openStage = async (prefix: string, labels: Record<string, string> = {}): Promise<Stage> => {
  const namespace = unique(`e2e-${prefix}`);
  const metadata = {
    name: namespace,
    labels: { e2e: runLabel(), "pod-security.kubernetes.io/enforce": "restricted", ...labels },
  };
  await apply(JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata }));
  const of = (...args: string[]) => kubectl(["-n", namespace, ...args]);
  const json = <T extends z.ZodType>(schema: T, ...args: string[]) => kubectlJson(schema, ["-n", namespace, ...args]);

  const status: Stage["status"] = async (cluster) =>
    (await json(z.object({ status: resourceStatus.default({ conditions: [], pools: [] }) }), "get", RESOURCE, cluster))
      .status;
  const pods: Stage["pods"] = async (cluster, role, pool) => {
    const selector = [
      `${OWNED}=${cluster}`,
      ...(role ? [`${ROLE}=${role}`] : []),
      ...(pool ? [`${POOL}=${pool}`] : []),
    ];
    const { items } = await json(listOf(pod), "get", "pods", "-l", selector.join(","));
    return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  };
  const list: Stage["list"] = async (kind, selector) =>
    (await json(listOf(object), "get", kind, ...(selector === undefined ? [] : ["-l", selector]))).items;
  const find: Stage["find"] = async (kind, name) => (await list(kind)).find(({ metadata }) => metadata.name === name);

  return {
    namespace,
    kubectl: of,
    apply: (manifest) => apply(typeof manifest === "string" ? manifest : JSON.stringify(manifest), ["-n", namespace]),
    get: (kind, name) => json(object, "get", kind, name),
    find,
    list,
    pods,
    podUids: async (cluster, role) => (await pods(cluster, role)).map(({ metadata }) => metadata.uid).sort(),
    status,
    patch: async (cluster, spec) =>
      void (await of("patch", RESOURCE, cluster, "--type=merge", "-p", JSON.stringify({ spec }))),
    ready: async (cluster, timeoutMs = 180_000) => {
      const seconds = `${Math.ceil(timeoutMs / 1000)}s`;
      const wait = ["wait", "--for=condition=Ready", `${RESOURCE}/${cluster}`, `--timeout=${seconds}`];
      await kubectl(["-n", namespace, ...wait], { timeoutMs: timeoutMs + 10_000 }).catch(async (error: unknown) => {
        const { conditions } = await status(cluster);
        throw new Error(`${cluster} is not Ready: ${JSON.stringify(conditions)}`, { cause: error });
      });
    },
    condition: (cluster, type, wanted, { reason, message, timeoutMs = 60_000 } = {}) =>
      waitFor(
        async () => {
          const { generation = 0 } = (await json(object, "get", RESOURCE, cluster)).metadata;
          const { conditions } = await status(cluster);
          const found = conditions.find((it) => it.type === type);
          const isRight =
            found?.status === wanted &&
            (found.observedGeneration ?? 0) >= generation &&
            (reason === undefined || new RegExp(reason).test(found.reason)) &&
            (message === undefined || message.test(found.message));
          if (!isRight)
            throw new Error(`${type} of ${cluster} is not ${wanted}: ${JSON.stringify(found ?? conditions)}`);
          return found;
        },
        { timeoutMs },
      ),
    keepDiagnostics: (sentence) => keepDiagnostics(sentence, [namespace]),
    async [Symbol.asyncDispose]() {
      await kubectl(["delete", "namespace", namespace, "--ignore-not-found", "--timeout=150s"], {
        timeoutMs: 160_000,
      });
    },
  };
};

/** Resolves with the pods of a role once as many are ready, and no other is there. */
export const readyPods = (stage: Stage, cluster: string, role: string, count: number, timeoutMs = 120_000) =>
  waitFor(
    async () => {
      const found = await stage.pods(cluster, role);
      if (found.length !== count || !found.every(isReady))
        throw new Error(
          `${found.filter(isReady).length} of ${count} ${role} pods are ready, ${found.length} are there`,
        );
      return found;
    },
    { timeoutMs },
  );

const keeping = async (stage: Stage, sentence: string, body: () => Promise<void>): Promise<void> => {
  try {
    await body();
  } catch (error) {
    const where = await stage.keepDiagnostics(sentence).catch(String);
    throw new Error(
      `${error instanceof Error ? error.message : String(error)}\n(what the cluster was like: ${where})`,
      {
        cause: error,
      },
    );
  }
};

/** A test with a stage of its own, which is removed after it. */
export const scenario = (sentence: string, body: (stage: Stage) => Promise<void>, timeoutMs = 300_000): void => {
  test(
    sentence,
    async () => {
      await using stage = await openStage(
        sentence
          .toLowerCase()
          .replace(/[^a-z]+/g, "-")
          .slice(0, 20)
          .replace(/-$/, ""),
      );
      await keeping(stage, sentence, () => body(stage));
    },
    timeoutMs,
  );
};

/** A stage that the tests of a describe block share: `prepare` runs before the first. */
export const shared = (prefix: string, prepare: (stage: Stage) => Promise<void>, timeoutMs = 300_000) => {
  let stage: Stage | undefined;
  beforeAll(async () => {
    const opened = await openStage(prefix);
    stage = opened;
    await keeping(opened, `${prefix} beforehand`, () => prepare(opened));
  }, timeoutMs);
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  }, 180_000);
  return (sentence: string, body: (stage: Stage) => Promise<void>, timeoutMs = 300_000): void => {
    test(
      sentence,
      async () => {
        const it = stage;
        if (it === undefined) throw new Error("there is no stage");
        await keeping(it, `${prefix} ${sentence}`, () => body(it));
      },
      timeoutMs,
    );
  };
};
