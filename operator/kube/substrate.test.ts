import { describe, expect, test } from "@jest/globals";
import type { ClusterEvent } from "#crds";
import { silentLog } from "#process";
import { Registry } from "prom-client";
import { clusterOf } from "../testing.ts";
import { topology } from "../topology/topology.ts";
import { livePool } from "../topology/worker.ts";
import { iso, readyPod, T0, workloadObject } from "./observe/testing.ts";
import { SETTINGS } from "./plan/testing/resources.ts";
import { createApplier } from "./runtime/apply.ts";
import { ApiError } from "./runtime/client.ts";
import { memoryClient } from "./runtime/memory-client.ts";
import type { KubeObject } from "./runtime/object.ts";
import type { Deed } from "./act.ts";
import { createKubeSubstrate } from "./substrate.ts";

const KEY = "default/chat";
const cluster = clusterOf();
const release = { version: "0.1.0", image: "realtimecluster/realtime:0.1.0" };
const wanted = topology(cluster, { managedAs: "server", release });

const setUp = ({ since = iso(0), released = [] }: { since?: string; released?: string[] } = {}) => {
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
    jobsLeft: async () => undefined,
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
  return { world, client, live, substrate, tell, apply: () => substrate.apply(KEY, wanted, cluster) };
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
    expect(obstacles.map(({ reason }) => reason)).toEqual(["Refused"]);
    const before = client.requests.length;
    await expect(apply()).rejects.toThrow("a webhook is away");
    expect(client.requests.length).toBeGreaterThan(before);
  });
});

test("a pod that went meanwhile does not keep the others from being marked", async () => {
  const { client, substrate, tell } = setUp();
  const [gone, there] = [readyPod("gone"), readyPod("there")];
  await client.create(there, { fieldManager: "test" });
  for (const pod of [gone, there]) tell(undefined, pod);
  await substrate.stop(KEY, ["gone", "there"]);
  expect(client.requests.filter(({ verb }) => verb === "merge").map(({ name }) => name)).toEqual(["gone", "there"]);
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
