import { describe, expect, test } from "@jest/globals";
import { silentLog } from "#process";
import { Registry } from "prom-client";
import { act } from "./act.ts";
import { planOf } from "./plan/plan.ts";
import { inputOf, liveClaim, liveStatefulSet } from "./plan/testing/servers.ts";
import { workloadObject } from "./observe/testing.ts";
import { childNames } from "./plan/names.ts";
import { createApplier } from "./runtime/apply.ts";
import { ApiError } from "./runtime/client.ts";
import { memoryClient } from "./runtime/memory-client.ts";
import type { KubeObject } from "./runtime/object.ts";

const owner = { apiVersion: "a/v1", kind: "RealtimeCluster", name: "chat", uid: "1", controller: true };
const owned = (object: KubeObject): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, uid: `uid-${object.metadata.name}`, ownerReferences: [owner] },
});

const storageOf = (storage: string) => ({ servers: { redis: { managed: { storage } } } });

const KINDS = [
  { apiVersion: "apps/v1", kind: "Deployment" },
  { apiVersion: "apps/v1", kind: "StatefulSet" },
  { apiVersion: "v1", kind: "PersistentVolumeClaim" },
];

/** What a pass asks of an API server that has these objects, and what came of it. */
const setUp = async (objects: readonly KubeObject[]) => {
  const client = memoryClient();
  for (const object of objects) await client.create(object, { fieldManager: "test" });
  const applier = createApplier({
    client,
    fieldManager: "us",
    annotationPrefix: "us",
    live: () => undefined,
    log: silentLog(),
    registry: new Registry(),
  });
  const pass = async (spec: Record<string, unknown>) => {
    const live = (await Promise.all(KINDS.map((kind) => client.list(kind)))).flat();
    const from = client.requests.length;
    const plan = planOf(inputOf(spec, { live }));
    const acted = await act(plan, { client, applier, live, namespace: "default", owner });
    return { plan, ...acted, requests: client.requests.slice(from).map(({ verb, name }) => `${verb} ${name}`) };
  };
  return { client, pass };
};

describe("storage that grows", () => {
  const live = [owned(liveStatefulSet("redis")), liveClaim("redis", 0, "1Gi")];

  test("grows its claim, and the StatefulSet is made anew", async () => {
    const { pass } = await setUp(live);
    const { requests, deeds } = await pass(storageOf("2Gi"));
    expect(requests).toContain("merge data-chat-redis-0");
    expect(requests).toContain("delete chat-redis");
    expect(deeds.map(({ what }) => what)).toEqual(expect.arrayContaining(["grown", "recreated"]));
  });

  test.each([
    ["refused", new ApiError(403, "Forbidden", 'persistentvolumeclaims "data-chat-redis-0" is forbidden: no')],
    ["not done yet", new ApiError(500, "InternalError", "a webhook is away")],
  ])("changes nothing else where it is %s, and can be taken back", async (_sentence, error) => {
    const { client, pass } = await setUp(live);
    client.intercept(({ verb, name }) => {
      if (verb === "merge" && name === "data-chat-redis-0") throw error;
    });
    const { requests, refusals, failures } = await pass(storageOf("2Gi"));
    expect(requests).not.toContain("delete chat-redis");
    expect(requests).not.toContain("apply chat-redis");
    expect([...refusals, ...failures]).toHaveLength(1);
    await pass(storageOf("2Gi"));
    const { plan, ...back } = await pass(storageOf("1Gi"));
    expect([...plan.obstacles, ...back.refusals, ...back.failures]).toEqual([]);
  });
});

describe("what is somebody else's", () => {
  const worker = childNames("chat").worker("work");
  const autoscaled = { workers: [{ name: "work", events: ["*"], autoscaling: { minReplicas: 3, maxReplicas: 9 } }] };

  test("is not made anew, and its claims do not grow", async () => {
    const { pass } = await setUp([liveStatefulSet("redis"), liveClaim("redis", 0, "1Gi")]);
    const { requests, refusals } = await pass(storageOf("2Gi"));
    expect(requests).not.toContain("delete chat-redis");
    expect(requests).not.toContain("merge data-chat-redis-0");
    expect(refusals).toContainEqual(
      expect.objectContaining({ ref: expect.objectContaining({ kind: "StatefulSet" }), status: 0 }),
    );
  });

  test.each([
    ["is not scaled", (it: KubeObject) => it, false],
    ["unlike what is ours", owned, true],
  ])("%s", async (_sentence, as, isScaled) => {
    const { pass } = await setUp([as(workloadObject("Deployment", worker, { role: "worker", pool: "work" }))]);
    const { deeds, refusals } = await pass(autoscaled);
    expect(deeds.some(({ what }) => what === "scaled")).toBe(isScaled);
    expect(refusals.map(({ ref, status }) => [ref.name, status])).toEqual(isScaled ? [] : [[worker, 0]]);
  });
});
