import { describe, expect, test } from "@jest/globals";
import type { Obstacle } from "../../port.ts";
import { clusterOf } from "../../testing.ts";
import type { KubeObject } from "../runtime/object.ts";
import type { PodEvent } from "./event.ts";
import { childNames } from "../plan/names.ts";
import { obstaclesOf } from "./obstacles.ts";
import type { RefusedWrite } from "./refusal-obstacles.ts";
import { containerOf, iso, podObject, ready, readyPod, T0, waitingPod, workloadObject } from "./testing.ts";

const names = childNames("chat");
const pool = (name: string) => ({ name, events: [`${name}:*`], handlers: "./x.ts" });
const cluster = clusterOf({
  gateway: { podTemplate: { spec: {} } },
  workers: [pool("a"), { ...pool("b"), podTemplate: { spec: {} } }],
});
const obstacles = (
  input: { live?: KubeObject[]; events?: PodEvent[]; refusals?: RefusedWrite[] },
  seconds = 70,
): Obstacle[] => obstaclesOf({ cluster, live: [], events: [], refusals: [], ...input, now: T0 + seconds * 1000 });

describe("of pods it is said", () => {
  const worker = { role: "worker", pool: "b" } as const;
  const crashing = (restartCount: number) => {
    const died = { terminated: { exitCode: 1, message: "Error: no database", startedAt: iso(2), finishedAt: iso(3) } };
    const state = { waiting: { reason: "CrashLoopBackOff" } };
    const containerStatuses = [containerOf({ restartCount, state, lastState: died })];
    return podObject("w-1", { ...worker, status: { conditions: [ready("False", 0)], containerStatuses } });
  };
  const noPods = (message: string) =>
    workloadObject("Deployment", "chat-gateway-now", {
      role: "gateway",
      status: { conditions: [{ type: "ReplicaFailure", status: "True", reason: "FailedCreate", message }] },
    });
  const table: [string, KubeObject[], unknown[]][] = [
    ["nothing when all is well", [readyPod("g-1")], []],
    [
      "what to correct where an image is not there",
      [waitingPod("w-1", "ErrImagePull", "pull access denied", worker)],
      [
        {
          of: "worker-b",
          reason: "ImageCannotBePulled",
          message:
            "w-1: the image realtimecluster/realtime:1.0.0 cannot be pulled: pull access denied: correct spec.workers[1].image, or name the registry's Secret in spec.workers[1].imagePullSecrets",
          isLasting: true,
        },
      ],
    ],
    [
      "that a registry which is away may come back",
      [waitingPod("g-1", "ErrImagePull", "dial tcp: lookup r on 10.0.0.1:53: no such host")],
      [expect.objectContaining({ of: "gateway", isLasting: false })],
    ],
    [
      "why a process ends",
      [crashing(2)],
      [
        {
          of: "worker-b",
          reason: "Crashing",
          message: "w-1: Error: no database: kubectl logs w-1 --previous tells more",
          isLasting: false,
        },
      ],
    ],
    [
      "that it will not come up by itself",
      [crashing(5)],
      [expect.objectContaining({ reason: "Crashing", isLasting: true })],
    ],
    [
      "the same once, by the newest pod",
      [
        waitingPod("w-1", "CreateContainerConfigError", 'secret "x" not found', worker),
        waitingPod("w-2", "CreateContainerConfigError", 'secret "x" not found', worker),
      ],
      [
        {
          of: "worker-b",
          reason: "SecretMissing",
          message: "w-2: the Secret x does not exist: create it, or correct its name in spec.workers[1]",
          isLasting: true,
        },
      ],
    ],
    [
      "that a quota leaves no pods",
      [
        noPods(
          'pods "chat-gateway-now-x" is forbidden: exceeded quota: few, requested: pods=1, used: pods=2, limited: pods=2',
        ),
      ],
      [
        {
          of: "gateway",
          reason: "QuotaExceeded",
          message:
            "chat-gateway-now gets no pods: exceeded quota: few, requested: pods=1, used: pods=2, limited: pods=2: raise the quota, or ask for less in spec.gateway",
          isLasting: true,
        },
      ],
    ],
    [
      "that Pod Security refuses them",
      [
        noPods(
          'pods "chat-gateway-now-x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true (pod must set it)',
        ),
      ],
      [
        expect.objectContaining({
          reason: "PodSecurityRefused",
          message: expect.stringContaining("correct spec.gateway.podTemplate"),
        }),
      ],
    ],
    [
      "that an account is missing",
      [
        noPods(
          'pods "chat-gateway-now-" is forbidden: error looking up service account default/nope: serviceaccount "nope" not found',
        ),
      ],
      [
        expect.objectContaining({
          reason: "ServiceAccountMissing",
          message:
            "chat-gateway-now gets no pods: the ServiceAccount nope does not exist: create it, or correct spec.gateway.serviceAccountName",
        }),
      ],
    ],
  ];
  test.each(table)("%s", (_name, live, said) => {
    expect(obstacles({ live })).toEqual(said);
  });

  test("no reason but the claim's where a pod waits for its volume", () => {
    const message = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found";
    const scheduled = { type: "PodScheduled", status: "False", message, lastTransitionTime: iso(0) };
    const claim: KubeObject = {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "data-chat-redis-0", uid: "claim", labels: { "realtimecluster.dev/role": "redis" } },
      status: { phase: "Pending" },
    };
    const live = [claim, podObject("chat-redis-0", { role: "redis", status: { conditions: [scheduled] } })];
    const told = {
      uid: "claim",
      reason: "FailedBinding",
      at: 1,
      message: "no persistent volumes available for this claim and no storage class is set",
    };
    expect(obstacles({ live, events: [told] }).map(({ of, reason }) => `${of} ${reason}`)).toEqual([
      "servers NoVolume",
    ]);
    expect(obstacles({ live }).map(({ of, reason }) => `${of} ${reason}`)).toEqual(["servers Unschedulable"]);
  });
});

describe("of what the API server refuses it is said", () => {
  const apps = (name: string) => ({ apiVersion: "apps/v1", kind: "Deployment", namespace: "default", name });
  const service = { apiVersion: "v1", kind: "Service", namespace: "default", name: names.gateway };
  const table: [string, RefusedWrite, Pick<Obstacle, "of" | "reason" | "message">][] = [
    [
      "that a name is taken",
      { ref: service, status: 0, message: "" },
      {
        of: "expose",
        reason: "NameTaken",
        message: "Service default/chat-gateway exists and belongs to somebody else: rename the cluster, or delete it",
      },
    ],
    [
      "that a podTemplate makes it so, for the gateways",
      {
        ref: apps(names.gatewayRevision("0123456789")),
        status: 422,
        message:
          'Deployment.apps "chat-gateway-01234567" is invalid: spec.template.spec.containers[1].image: Required value',
      },
      {
        of: "gateway",
        reason: "PodTemplateRefused",
        message:
          "the API server refuses Deployment default/chat-gateway-01234567: spec.template.spec.containers[1].image: Required value: correct spec.gateway.podTemplate",
      },
    ],
    [
      "that a podTemplate makes it so, for a pool",
      { ref: apps(names.worker("b")), status: 400, message: "unknown field x" },
      {
        of: "worker-b",
        reason: "PodTemplateRefused",
        message: `the API server refuses Deployment default/${names.worker("b")}: unknown field x: correct spec.workers[1].podTemplate`,
      },
    ],
    [
      "what may be wrong where there is no podTemplate",
      { ref: apps(names.worker("a")), status: 422, message: "bad resources" },
      {
        of: "worker-a",
        reason: "Refused",
        message: `the API server refuses Deployment default/${names.worker("a")}: bad resources: correct what spec.workers[0] says of it`,
      },
    ],
    [
      "that a quota is used up",
      {
        ref: service,
        status: 403,
        message:
          'services "chat-gateway" is forbidden: exceeded quota: few, requested: services=1, used: services=1, limited: services=1',
      },
      {
        of: "expose",
        reason: "QuotaExceeded",
        message:
          "Service default/chat-gateway: exceeded quota: few, requested: services=1, used: services=1, limited: services=1: raise the quota, or ask for less in spec.gateway",
      },
    ],
    [
      "that a claim cannot grow",
      {
        ref: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace: "default", name: "data-chat-redis-0" },
        status: 403,
        message:
          'persistentvolumeclaims "data-chat-redis-0" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
      },
      {
        of: "servers",
        reason: "CannotGrow",
        message:
          "the claim data-chat-redis-0 cannot grow: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize: set spec.servers.redis.managed.storage back, or move the data to a storage class that can grow",
      },
    ],
  ];
  test.each(table)("%s", (_name, refusal, said) => {
    expect(obstacles({ refusals: [refusal] })).toEqual([{ ...said, isLasting: true }]);
  });

  test("that the namespace goes, once for all objects", () => {
    const message =
      'services "x" is forbidden: unable to create new content in namespace default because it is being terminated';
    const refusals = [service, apps("chat-hub")].map((ref) => ({ ref, status: 403, message }));
    expect(obstacles({ refusals })).toEqual([
      {
        of: "gateway",
        reason: "NamespaceTerminating",
        message: "the namespace default is being deleted: nothing new can be made in it",
        isLasting: true,
      },
    ]);
  });
});

describe("of the way in it is said", () => {
  const service = (status: object): KubeObject => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "chat-gateway", creationTimestamp: iso(0) },
    spec: { type: "LoadBalancer" },
    status,
  });
  const route = (parents: object[]): KubeObject => ({
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: { name: "chat-gateway", creationTimestamp: iso(0) },
    status: { parents },
  });
  const parent = (type: string, status: string) => ({
    parentRef: { name: "web" },
    conditions: [{ type, status, message: "no listener matches" }],
  });
  test.each<[string, KubeObject, number, string[]]>([
    ["nothing while a load balancer may still come", service({ loadBalancer: {} }), 50, []],
    ["that none comes", service({ loadBalancer: {} }), 70, ["LoadBalancerPending"]],
    ["nothing when it is there", service({ loadBalancer: { ingress: [{ ip: "1.2.3.4" }] } }), 70, []],
    ["nothing while a Gateway may still take the route", route([]), 50, []],
    ["that none takes it", route([]), 70, ["RouteIgnored"]],
    ["that one refuses it", route([parent("Accepted", "False")]), 5, ["RouteRefused"]],
    ["nothing when it is taken", route([parent("Accepted", "True")]), 70, []],
  ])("%s", (_name, object, seconds, reasons) => {
    const said = obstacles({ live: [object] }, seconds);
    expect(said.map(({ reason }) => reason)).toEqual(reasons);
    for (const { of } of said) expect(of).toBe("expose");
  });
});

test("what is said does not change with the time", () => {
  const live = [waitingPod("g-1", "ErrImagePull", "pull access denied")];
  expect(obstacles({ live }, 100)).toEqual(obstacles({ live }, 200));
});
