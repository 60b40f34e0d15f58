import { describe, expect, test } from "@jest/globals";
import type { ClusterEvent } from "#crds";
import { silentLog } from "#process";
import { Registry } from "prom-client";
import { clusterOf } from "../testing.ts";
import { topology } from "../topology/topology.ts";
import { livePool } from "../topology/worker.ts";
import { iso, readyPod, T0, workloadObject } from "./observe/testing.ts";
import { ANNOTATION } from "./plan/labels.ts";
import { childNames } from "./plan/names.ts";
import { SETTINGS } from "./plan/testing/resources.ts";
import { liveObject } from "./plan/testing/servers.ts";
import { createApplier } from "./runtime/apply.ts";
import { ApiError } from "./runtime/client.ts";
import { memoryClient } from "./runtime/memory-client.ts";
import { refOf, type KubeObject } from "./runtime/object.ts";
import type { Deed } from "./act.ts";
import { createKubeSubstrate } from "./substrate.ts";

const KEY = "default/chat";
const cluster = clusterOf();
const release = { version: "0.1.0", image: "realtimecluster/realtime:0.1.0" };
const wanted = topology(cluster, { managedAs: "server", release });

const setUp = ({
  since = iso(0),
  released = [],
  jobsLeft,
}: { since?: string; released?: string[]; jobsLeft?: number } = {}) => {
  const client = memoryClient();
  /** What informers have, by name. */
  const live = new Map<string, KubeObject>();
  const log = silentLog();
  const world = { now: T0 + 60_000, deeds: [] as Deed[], events: [] as ClusterEvent[] };
  const reference = { apiVersion: "a/v1", kind: "RealtimeCluster", name: "chat", uid: "1", controller: true };
  const substrate = createKubeSubstrate({
    client,
    applier: createApplier({
      client,
      fieldManager: "us",
      annotationPrefix: "us",
      live: () => undefined,
      log,
      registry: new Registry(),
    }),
    childrenOf: () => [...live.values()],
    settings: SETTINGS,
    ownerOf: () => ({ namespace: "default", reference, since, released }),
    jobsLeft: async () => jobsLeft,
    podEvents: { about: async () => [] },
    onDeeds: (_key, found) => void world.deeds.push(...found),
    now: () => world.now,
  });
  substrate.onChange((_key, events) => void world.events.push(...events));
  const tell = (before: KubeObject | undefined, after: KubeObject | undefined) => {
    if (before !== undefined) live.delete(`${before.kind} ${before.metadata.name}`);
    if (after !== undefined) live.set(`${after.kind} ${after.metadata.name}`, after);
    substrate.changed(before, after);
  };
  return { world, reference, client, live, substrate, tell, apply: () => substrate.apply(KEY, wanted, cluster) };
};

describe("a plan that left nothing to do", () => {
  test("asks nothing of the API server until something changes, or some seconds have passed", async () => {
    const { client, world, tell, apply } = setUp();
    client.intercept(() => {
      throw new ApiError(422, "Invalid", "no");
    });
    await apply();
    const once = client.requests.length;
    expect(once).toBeGreaterThan(5);
    await apply();
    expect(client.requests).toHaveLength(once);
    world.now += 11_000;
    await apply();
    expect(client.requests).toHaveLength(2 * once);
    tell(undefined, readyPod("a"));
    await apply();
    expect(client.requests.length).toBeGreaterThan(2 * once);
  });
  test("is made again where anything failed, and what was refused or done is known all the same", async () => {
    const { client, world, substrate, apply } = setUp();
    client.intercept(({ verb, body }) => {
      if (verb !== "create" || body === undefined || !("kind" in body)) return;
      if (body.kind === "Deployment") throw new ApiError(500, "InternalError", "a webhook is away");
      if (body.kind === "StatefulSet") throw new ApiError(422, "Invalid", "no");
    });
    await expect(apply()).rejects.toThrow("a webhook is away");
    expect(world.deeds.map(({ ref: { kind } }) => kind)).toContain("Service");
    const { obstacles } = await substrate.observe(KEY, cluster);
    expect(obstacles.map(({ reason }) => reason)).toEqual(["Refused", "WriteFailed"]);
    const before = client.requests.length;
    await expect(apply()).rejects.toThrow("a webhook is away");
    expect(client.requests.length).toBeGreaterThan(before);
  });
});

test("a write that fails is said once, without secrets, and no more when it works", async () => {
  const { client, substrate, apply } = setUp();
  const said = async () =>
    (await substrate.observe(KEY, cluster)).obstacles.filter(({ reason }) => reason === "WriteFailed");
  const failWith = async (message: string) => {
    client.intercept(({ verb, body }) => {
      const isDeployment = verb === "create" && body !== undefined && "kind" in body && body.kind === "Deployment";
      if (isDeployment) throw new ApiError(500, "InternalError", message);
    });
    await expect(apply()).rejects.toThrow(message);
    return said();
  };
  const first = await failWith("webhook: 10.0.0.1:40312: password=hunter2 is wrong");
  expect(first).toEqual([
    {
      of: "gateway",
      reason: "WriteFailed",
      message:
        "a write failed and is tried again: the API server answers 500: webhook: 10.0.0.1:40312: password=*** is wrong",
      isLasting: false,
    },
  ]);
  expect(await failWith("webhook: 10.0.0.1:51877: password=hunter2 is wrong")).toEqual(first);
  expect(await failWith("x".repeat(1000))).toMatchObject([{ message: expect.stringMatching(/x{255}…$/) }]);
  client.intercept(() => {});
  await apply();
  expect(await said()).toEqual([]);
});

describe("a lower count", () => {
  const scaled = clusterOf({ workers: [{ name: "a", events: ["a"], autoscaling: { maxReplicas: 9 } }] });
  const wanting = (count: number) => {
    const plan = topology(scaled, { managedAs: "server", release });
    return { ...plan, roles: plan.roles.map((role) => (role.name === "worker-a" ? { ...role, count } : role)) };
  };
  const setUpPods = async () => {
    const it = setUp();
    const { reference, client, substrate, tell } = it;
    const name = childNames("chat").worker("a");
    const deployment = workloadObject("Deployment", name, { role: "worker", pool: "a", replicas: 3 });
    tell(undefined, { ...deployment, metadata: { ...deployment.metadata, ownerReferences: [reference] } });
    const configHash = wanting(3).roles.find((role) => role.name === "worker-a")?.configHash;
    const pods = ["x", "y", "z"].map((pod) => {
      const { metadata, ...rest } = readyPod(pod, { role: "worker", pool: "a" });
      return {
        ...rest,
        metadata: { ...metadata, annotations: { ...metadata.annotations, [ANNOTATION.configHash]: configHash ?? "" } },
      };
    });
    for (const pod of pods) {
      await client.create(pod, { fieldManager: "test" });
      tell(undefined, pod);
    }
    const lower = async (count: number, ...victims: string[]) => {
      const from = client.requests.length;
      await substrate.stop(KEY, victims);
      await substrate.apply(KEY, wanting(count), scaled).catch(() => {});
      return client.requests.slice(from);
    };
    const marks = (asked: typeof client.requests) =>
      asked.filter(({ verb }) => verb === "merge").map(({ name }) => name);
    const counts = (asked: typeof client.requests) =>
      asked.flatMap(({ verb, body }) =>
        verb === "apply" && JSON.stringify(body).includes('"replicas"') ? [body] : [],
      );
    const seeMarked = (pod: KubeObject) => {
      const annotations = { ...pod.metadata.annotations, [ANNOTATION.deletionCost]: "-1" };
      tell(pod, { ...pod, metadata: { ...pod.metadata, annotations } });
    };
    return { ...it, pods, lower, marks, counts, seeMarked };
  };

  test("is asked for once it is seen that who goes is marked, and not before", async () => {
    const { pods, lower, marks, counts, seeMarked } = await setUpPods();
    const first = await lower(1, "y", "z");
    expect(marks(first)).toEqual(["y", "z"]);
    expect(counts(first)).toMatchObject([{ spec: { replicas: 3 } }]);
    for (const pod of pods.slice(1)) seeMarked(pod);
    const second = await lower(1, "x", "y");
    expect(marks(second)).toEqual([]);
    expect(counts(second)).toMatchObject([{ spec: { replicas: 1 } }]);
  });

  test("does not fail for a pod that went meanwhile", async () => {
    const { client, pods, lower, marks } = await setUpPods();
    const [, y] = pods;
    if (y !== undefined) await client.delete(refOf(y), {});
    expect(marks(await lower(1, "y", "z"))).toEqual(["y", "z"]);
  });
});

describe("gateways that clients are not sent to", () => {
  const LABEL_OF_TAKERS = "realtimecluster.dev/takes-clients";
  const setUpPods = async () => {
    const it = setUp();
    const { client, substrate, tell } = it;
    const pods = ["a", "b", "c"].map((name) => {
      const { metadata, ...rest } = readyPod(name);
      return { ...rest, metadata: { ...metadata, labels: { ...metadata.labels, [LABEL_OF_TAKERS]: "true" } } };
    });
    for (const pod of [...pods, readyPod("w", { role: "worker", pool: "a" })]) {
      await client.create(pod, { fieldManager: "test" });
      tell(undefined, pod);
    }
    const shun = async (...names: string[]) => {
      const from = client.requests.length;
      await substrate.shun(KEY, names);
      return client.requests.slice(from).map(({ name, body }) => [name, body]);
    };
    const seeShunned = (pod: KubeObject) => {
      const { [LABEL_OF_TAKERS]: _, ...labels } = pod.metadata.labels ?? {};
      tell(pod, { ...pod, metadata: { ...pod.metadata, labels } });
    };
    return { ...it, pods, shun, seeShunned };
  };
  const off = { metadata: { labels: { [LABEL_OF_TAKERS]: null } } };
  const on = { metadata: { labels: { [LABEL_OF_TAKERS]: "true" } } };

  test("lose the label that the Service selects on, and get it back when they are named no more, by whoever leads then", async () => {
    const { pods, shun, seeShunned } = await setUpPods();
    expect(await shun()).toEqual([]);
    expect(await shun("a", "b")).toEqual([
      ["a", off],
      ["b", off],
    ]);
    pods.slice(0, 2).forEach(seeShunned);
    expect(await shun("a", "b")).toEqual([]);
    expect(await shun("b")).toEqual([["a", on]]);
    expect(await shun()).toEqual([
      ["a", on],
      ["b", on],
    ]);
  });

  test("are written all, though one of them is refused", async () => {
    const { client, shun, substrate } = await setUpPods();
    const { merge } = client;
    client.merge = async (ref, ...rest) => {
      if (ref.name === "a") throw new ApiError(403, "Forbidden", "no");
      return await merge.call(client, ref, ...rest);
    };
    await expect(substrate.shun(KEY, ["a", "b", "c"])).rejects.toThrow("no");
    const written = client.requests.filter(({ body }) => JSON.stringify(body) === JSON.stringify(off));
    expect(written.map(({ name }) => name)).toEqual(["b", "c"]);
    expect(await shun()).toEqual([]);
  });

  test("are left alone where they go", async () => {
    const { pods, shun, tell } = await setUpPods();
    const [a] = pods;
    if (a !== undefined) tell(a, { ...a, metadata: { ...a.metadata, deletionTimestamp: iso(60) } });
    expect(await shun("a", "b")).toEqual([["b", off]]);
  });
});

test("of servers that are left, only a StatefulSet of ours is asked how many jobs wait in it", async () => {
  const { substrate, tell } = setUp({ jobsLeft: 0 });
  tell(undefined, workloadObject("StatefulSet", "chat-rabbitmq", { role: "rabbitmq" }));
  tell(undefined, liveObject("RabbitmqCluster", "chat-rabbit", "rabbitmq"));
  const said = async (spec: object) => {
    const cluster = clusterOf({ workers: [{ name: "a", events: ["a"] }], ...spec });
    await substrate.apply(KEY, topology(cluster, { managedAs: "server", release }), cluster);
    const { obstacles } = await substrate.observe(KEY, cluster);
    return obstacles.flatMap(
      ({ reason, message }) =>
        /^(\S+).* (no job waits|jobs may be) in it/
          .exec(reason === "ServerKept" ? message : "")
          ?.slice(1)
          .join(": ") ?? [],
    );
  };
  const operators = "RabbitmqCluster: jobs may be";
  expect(await said({})).toEqual([operators]);
  expect(await said({ broker: { type: "zeromq" } })).toEqual(["StatefulSet: no job waits", operators]);
});

test("what ran before this operator is no news", async () => {
  const { live, world, substrate, tell } = setUp();
  const pods = [readyPod("a"), readyPod("b")];
  for (const pod of pods) live.set(`${pod.kind} ${pod.metadata.name}`, pod);
  await substrate.observe(KEY, cluster);
  tell(undefined, readyPod("c"));
  expect(world.events.map(({ what, instance }) => `${instance} ${what}`)).toEqual(["c starting", "c ready"]);
});

test("pods of a deleted cluster of the same name do not count for the new one", async () => {
  const { substrate, tell } = setUp({ since: iso(30) });
  tell(undefined, readyPod("former"));
  const own = readyPod("own");
  tell(undefined, { ...own, metadata: { ...own.metadata, creationTimestamp: iso(30) } });
  const { instances } = await substrate.observe(KEY, cluster);
  expect(instances.map(({ instance }) => instance)).toEqual(["own"]);
});

test.each([
  ["stays", [], ["old"]],
  ["is let go by the annotation that names its workers", ["redis", "worker-old"], []],
])("a pool that leaves %s", async (_sentence, released, names) => {
  const { substrate, tell } = setUp({ released });
  const [old] = clusterOf({ workers: [{ name: "old", events: ["old"] }] }).spec.workers.map(livePool);
  const env = [{ name: "POOL", value: JSON.stringify(old) }];
  tell(undefined, workloadObject("Deployment", "chat-worker-old", { role: "worker", pool: "old", env }));
  const { leaving } = await substrate.observe(KEY, cluster);
  expect(leaving.map(({ name }) => name)).toEqual(names);
});
