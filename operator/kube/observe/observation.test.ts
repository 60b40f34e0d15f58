import { describe, expect, test } from "@jest/globals";
import { clusterOf } from "../../testing.ts";
import { livePool } from "../../topology/worker.ts";
import type { KubeObject } from "../runtime/object.ts";
import { controlsOf } from "./controls.ts";
import { countsOf } from "./counts.ts";
import { leavingPools } from "./leaving.ts";
import { observationOf } from "./observation.ts";
import { serversOf } from "./servers.ts";
import { containerOf, iso, podObject, readyPod, T0, waitingPod, workloadObject } from "./testing.ts";
import { runningVersion } from "./version.ts";

const now = T0 + 60_000;
const pool = (name: string) => ({ name, events: [`${name}:*`], handlers: "./x.ts" });
const cluster = clusterOf({ workers: [pool("stays"), pool("goes")] });
const worker = (name: string, text?: string): KubeObject => {
  const wanted = cluster.spec.workers.find((it) => it.name === name);
  const value = text ?? JSON.stringify(wanted && livePool(wanted));
  const env = [
    { name: "HANDLERS", value: "./x.ts" },
    { name: "SECRET", valueFrom: {} },
    { name: "POOL", value },
  ];
  return workloadObject("Deployment", `chat-worker-${name}`, { role: "worker", pool: name, env });
};

describe("pools that leave", () => {
  const without = clusterOf({ workers: [pool("stays")] });
  test("are those that the resource no longer has, as their workers know them", () => {
    expect(leavingPools([worker("stays"), worker("goes")], without)).toEqual(
      cluster.spec.workers.filter(({ name }) => name === "goes").map(livePool),
    );
  });
  test.each<[string, KubeObject]>([
    [
      "one whose Deployment is going",
      { ...worker("goes"), metadata: { ...worker("goes").metadata, deletionTimestamp: iso(1) } },
    ],
    ["one that nobody can read", worker("goes", "{")],
    ["one that is no pool", worker("goes", '{"name":"goes"}')],
    ["a gateway", workloadObject("Deployment", "chat-gateway-1", { role: "gateway" })],
  ])("are not: %s", (_name, object) => {
    expect(leavingPools([object], without)).toEqual([]);
  });
});

test("the counts that are asked for: of a roll's revisions the most, of what is going none", () => {
  const gateways = (revision: string, replicas: number) =>
    workloadObject("Deployment", `chat-gateway-${revision}`, { role: "gateway", replicas });
  const going = worker("goes");
  const live = [
    gateways("1", 5),
    gateways("2", 3),
    worker("stays"),
    { ...going, metadata: { ...going.metadata, deletionTimestamp: iso(1) } },
    workloadObject("StatefulSet", "chat-redis", { role: "redis" }),
  ];
  expect(countsOf(live)).toEqual({ gateway: 5, "worker-stays": 1 });
});

describe("the release that runs", () => {
  const gateway = (revision: string, version: string) =>
    workloadObject("Deployment", `chat-gateway-${revision}`, {
      role: "gateway",
      labels: { "realtimecluster.dev/revision": revision, "app.kubernetes.io/version": version },
    });
  const service = (revision: string): KubeObject => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "chat-gateway", labels: { "realtimecluster.dev/role": "gateway" } },
    spec: { selector: { "realtimecluster.dev/revision": revision } },
  });
  const headless: KubeObject = { ...service(""), metadata: { ...service("").metadata, name: "chat-peers" }, spec: {} };
  test.each<[string, KubeObject[], string | undefined]>([
    ["none where nothing runs", [], undefined],
    [
      "that of the gateways which the Service selects",
      [headless, service("a"), gateway("a", "1.0.0"), gateway("b", "2.0.0")],
      "1.0.0",
    ],
    [
      "that of the newest where the Service selects none of them",
      [service("c"), gateway("a", "1.0.0"), gateway("b", "2.0.0")],
      "2.0.0",
    ],
  ])("is %s", (_name, live, version) => {
    expect(runningVersion(live)).toBe(version);
  });
});

describe("control ports", () => {
  const withIp = (podIP: string) => ({
    status: { phase: "Running", podIP, conditions: [{ type: "Ready", status: "True", lastTransitionTime: iso(1) }] },
  });
  test("are those of ready gateways that stay", () => {
    const going = readyPod("g-3");
    const live = [
      readyPod("g-1", withIp("10.0.0.1")),
      readyPod("g-2", withIp("fd00::2")),
      { ...going, metadata: { ...going.metadata, deletionTimestamp: iso(5) } },
      podObject("g-4"),
      readyPod("w-1", { role: "worker", pool: "a" }),
    ];
    expect(controlsOf(live)).toEqual(["10.0.0.1:3002", "[fd00::2]:3002"]);
  });
});

describe("a managed server", () => {
  const redis = (readyReplicas: number, replicas = 1) =>
    workloadObject("StatefulSet", "chat-redis", { role: "redis", replicas: 1, status: { replicas, readyReplicas } });
  const claim: KubeObject = {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "data-chat-redis-0", uid: "claim", labels: { "realtimecluster.dev/role": "redis" } },
    status: { phase: "Pending" },
  };
  const message = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found";
  const unbound = podObject("chat-redis-0", {
    role: "redis",
    spec: { volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data-chat-redis-0" } }] },
    status: { conditions: [{ type: "PodScheduled", status: "False", message, lastTransitionTime: iso(0) }] },
  });
  const event = (uid: string, reason: string, message: string) => ({ uid, reason, message, at: 1 });
  const provisioning = event("claim", "ProvisioningFailed", 'storageclass.storage.k8s.io "fast" not found');
  const refused = event(
    "uid-chat-redis",
    "FailedCreate",
    'create Pod chat-redis-0 in StatefulSet chat-redis failed error: pods "chat-redis-0" is forbidden: exceeded quota: few',
  );
  const broken = waitingPod("chat-redis-0", "CreateContainerConfigError", 'secret "chat-keys" not found', {
    role: "redis",
  });
  test.each<[string, KubeObject[], ReturnType<typeof event>[], object]>([
    ["that is ready says nothing", [redis(1)], [], { ready: 1 }],
    ["that is on its way says nothing", [redis(0), podObject("chat-redis-0", { role: "redis" })], [], { ready: 0 }],
    [
      "says what its pod says",
      [redis(0), broken],
      [],
      { ready: 0, message: "chat-redis-0: the Secret chat-keys does not exist" },
    ],
    [
      "says what its claim waits for",
      [redis(0), claim, unbound],
      [provisioning],
      { ready: 0, message: "data-chat-redis-0: the storage class fast does not exist" },
    ],
    [
      "says that its claim waits",
      [redis(0), claim, unbound],
      [],
      {
        ready: 0,
        message:
          "chat-redis-0: no node takes it: 0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims",
      },
    ],
    ["says why it gets no pod", [redis(0, 0)], [refused], { ready: 0, message: "exceeded quota: few" }],
  ])("%s", (_name, live, events, state) => {
    expect(serversOf(live, now, events)).toEqual([{ name: "redis", wanted: 1, ...state }]);
  });
  test("is none where a Deployment or another's StatefulSet runs", () => {
    expect(serversOf([workloadObject("Deployment", "chat-hub", { role: "hub" })], now)).toEqual([]);
  });
});

test("an observation joins what is seen with what the plan found", () => {
  const planned = { of: "data", reason: "Kept", message: "kept", isLasting: true };
  const live = [
    worker("gone", JSON.stringify({ ...livePool({ ...cluster.spec.workers[0]!, name: "gone" }) })),
    readyPod("g-1"),
  ];
  const observed = observationOf({ cluster, live, events: [], refusals: [], planned: [planned], now });
  expect(observed).toMatchObject({
    instances: [{ instance: "g-1", state: "ready" }],
    servers: [],
    obstacles: [planned],
    leaving: [{ name: "gone" }],
  });
});

test("of nothing, nothing is observed", () => {
  const none = { instances: [], servers: [], obstacles: [], leaving: [], counts: {} };
  expect(observationOf({ cluster, live: [], events: [], refusals: [], planned: [], now })).toEqual(none);
});

test("fields that are not known do no harm", () => {
  const pod = readyPod("g-1", {
    spec: { new: { field: 1 } },
    status: { containerStatuses: [containerOf({ ready: true, resize: "x" })] },
  });
  expect(observationOf({ cluster, live: [pod], events: [], refusals: [], planned: [], now }).instances).toHaveLength(1);
});
