import { describe, expect, test } from "@jest/globals";
import type { Instance } from "../../port.ts";
import type { PodEvent } from "./event.ts";
import { instancesOf } from "./instances.ts";
import { containerOf, iso, podObject, ready, readyPod, T0, waitingPod, workloadObject } from "./testing.ts";
import type { KubeObject } from "../runtime/object.ts";

const at = (seconds: number) => T0 + seconds * 1000;
const event = (reason: string, message: string): PodEvent => ({ uid: "uid-it", reason, message, at: at(5) });

const ended = (rest: object, from = 2, to = 3) => ({
  terminated: { exitCode: 1, reason: "Error", startedAt: iso(from), finishedAt: iso(to), ...rest },
});
const crashed = (state: object, lastState: object, conditions: object[] = [ready("False", 0)], restartCount = 1) =>
  podObject("it", {
    status: { phase: "Running", conditions, containerStatuses: [containerOf({ restartCount, state, lastState })] },
  });
const backOff = { waiting: { reason: "CrashLoopBackOff", message: "back-off 10s restarting failed container=main" } };
const unscheduled = (message: string) =>
  podObject("it", {
    status: {
      conditions: [
        { type: "PodScheduled", status: "False", reason: "Unschedulable", message, lastTransitionTime: iso(0) },
      ],
    },
  });
const creating = waitingPod("it", "ContainerCreating");
const secretVolume = { name: "keys", secret: { secretName: "chat-jwt" } };

describe("a pod is an instance that is", () => {
  const table: [string, KubeObject, Partial<Instance>, { seconds?: number; events?: PodEvent[] }?][] = [
    ["starting when it is new", podObject("it"), { state: "starting", since: at(0) }],
    ["starting while its container is made", creating, { state: "starting" }],
    [
      "failing when its container ended unseen, at no known time",
      crashed({ terminated: { exitCode: 137, startedAt: null, finishedAt: null } }, {}, [ready("False", 0)], 0),
      { state: "failing", message: "it was ended by SIGKILL" },
    ],
    ["ready", readyPod("it"), { state: "ready", since: at(3) }],
    [
      "stopping since it was asked to go",
      readyPod("it", {
        metadata: {
          deletionTimestamp: iso(70),
          deletionGracePeriodSeconds: 60,
          name: "it",
          labels: podObject("it").metadata.labels,
        },
      }),
      { state: "stopping", since: at(10) },
    ],
    [
      "failing when its image cannot be pulled",
      waitingPod(
        "it",
        "ImagePullBackOff",
        'Back-off pulling image "a/b:1": ErrImagePull: failed to pull and unpack image "docker.io/a/b:1": failed to resolve reference "docker.io/a/b:1": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
      ),
      {
        state: "failing",
        message:
          "the image realtimecluster/realtime:1.0.0 cannot be pulled: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
      },
    ],
    [
      "failing in the same words before the kubelet backs off",
      waitingPod(
        "it",
        "ErrImagePull",
        'failed to pull and unpack image "docker.io/a/b:1": failed to resolve reference "docker.io/a/b:1": docker.io/a/b:1: not found',
      ),
      {
        state: "failing",
        message: "the image realtimecluster/realtime:1.0.0 cannot be pulled: docker.io/a/b:1: not found",
      },
    ],
    [
      "failing where a ConfigMap is missing",
      waitingPod("it", "CreateContainerConfigError", 'configmap "chat-config" not found'),
      { state: "failing", message: "the ConfigMap chat-config does not exist" },
    ],
    [
      "failing where it must not be root",
      waitingPod(
        "it",
        "CreateContainerConfigError",
        'container has runAsNonRoot and image will run as root (pod: "it_default(1)", container: main)',
      ),
      {
        state: "failing",
        message: 'container has runAsNonRoot and image will run as root (pod: "it_default(1)", container: main)',
      },
    ],
    [
      "failing for a reason that is not known yet",
      waitingPod("it", "SomethingNew", "what it says"),
      { state: "failing", message: "what it says" },
    ],
    [
      "failing after it ended before it was ready",
      crashed(backOff, ended({ message: "Error: no database\n" })),
      { state: "failing", since: at(3), restarts: 1, message: "Error: no database" },
    ],
    [
      "failing where it said nothing",
      crashed(backOff, ended({ exitCode: 7 })),
      { state: "failing", message: "it ended with exit code 7" },
    ],
    [
      "failing where it ended well",
      crashed(backOff, ended({ exitCode: 0, reason: "Completed", message: "bye" })),
      { state: "failing", message: "it ended with exit code 0" },
    ],
    [
      "failing where it was killed",
      crashed(ended({ exitCode: 137 }), {}, undefined, 0),
      { state: "failing", message: "it was ended by SIGKILL" },
    ],
    [
      "in backoff after it was ready",
      crashed(backOff, ended({ message: "bye" }, 2, 20), [ready("False", 20)]),
      { state: "backoff", since: at(20), message: "bye" },
    ],
    [
      "failing when the life after a ready one never was",
      crashed(backOff, ended({ message: "bye" }, 30, 31), [ready("False", 20)], 2),
      { state: "failing", message: "bye" },
    ],
    [
      "failing still when it has only just come back",
      crashed({ running: { startedAt: iso(55) } }, ended({ message: "bye" }, 2, 3)),
      { state: "failing", message: "bye" },
    ],
    [
      "starting again, with the reason, when it has run a while",
      crashed({ running: { startedAt: iso(45) } }, ended({ message: "bye" }, 2, 3)),
      { state: "starting", message: "bye" },
    ],
    [
      "ready, its deaths counted",
      readyPod("it", {
        status: {
          containerStatuses: [
            containerOf({ ready: true, restartCount: 4, state: { running: {} }, lastState: ended({}) }),
          ],
        },
      }),
      { state: "ready", restarts: 4 },
    ],
    [
      "starting while no node has taken it for a moment",
      unscheduled("0/1 nodes are available"),
      { state: "starting" },
      { seconds: 3 },
    ],
    [
      "failing when no node takes it",
      unscheduled(
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
      ),
      { state: "failing", message: "no node takes it: 0/1 nodes are available: 1 Insufficient cpu" },
    ],
    [
      "failing when its claim is missing",
      unscheduled('0/1 nodes are available: persistentvolumeclaim "missing" not found. not found'),
      {
        state: "failing",
        message: 'no node takes it: 0/1 nodes are available: persistentvolumeclaim "missing" not found',
      },
    ],
    [
      "failing when a volume's Secret is missing, as an Event tells",
      creating,
      { state: "failing", message: "the Secret chat-jwt does not exist" },
      { events: [event("FailedMount", 'MountVolume.SetUp failed for volume "keys" : secret "chat-jwt" not found')] },
    ],
    [
      "failing when a volume's key is missing",
      waitingPod("it", "ContainerCreating", undefined, { spec: { volumes: [secretVolume] } }),
      { state: "failing", message: "the Secret chat-jwt has no key url" },
      {
        events: [
          event("FailedMount", 'MountVolume.SetUp failed for volume "keys" : references non-existent secret key: url'),
        ],
      },
    ],
    [
      "starting where the Event is another pod's",
      creating,
      { state: "starting" },
      { events: [{ ...event("FailedMount", "x"), uid: "uid-other" }] },
    ],
    [
      "starting, with what the probe says, when it takes long",
      crashed({ running: { startedAt: iso(2) } }, {}, undefined, 0),
      { state: "starting", message: "Readiness probe failed: HTTP probe failed with statuscode: 503" },
      { events: [event("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")] },
    ],
    [
      "starting when its node is lost",
      readyPod("it", { status: { conditions: [ready("False", 30)] } }),
      { state: "starting", message: "its node node-1 does not answer" },
    ],
    [
      "failing when an init container is",
      podObject("it", {
        status: {
          conditions: [ready("False", 0)],
          initContainerStatuses: [containerOf({ state: backOff, lastState: ended({ message: "no" }) })],
          containerStatuses: [containerOf({ state: { waiting: { reason: "PodInitializing" } } })],
        },
      }),
      { state: "failing", message: "no" },
    ],
  ];
  test.each(table)("%s", (_name, pod, instance, { seconds = 60, events = [] } = {}) => {
    const [seen] = instancesOf([pod], at(seconds), events);
    expect(seen).toMatchObject({ instance: "it", role: "gateway", of: "gateway", ...instance });
    expect(seen?.message).toBe(instance.message);
  });
});

test("a worker's pool, role and configuration are its pod's", () => {
  expect(instancesOf([readyPod("w", { role: "worker", pool: "chat" })], at(60))).toEqual([
    {
      instance: "w",
      role: "worker",
      pool: "chat",
      of: "worker-chat",
      configHash: "now",
      state: "ready",
      restarts: 0,
      since: at(3),
    },
  ]);
});

test("servers' pods, pods that are over, foreign pods and other kinds are no instances", () => {
  const foreign = readyPod("foreign", { metadata: { name: "foreign", labels: {} } });
  const live = [
    readyPod("redis", { role: "redis" }),
    readyPod("evicted", { status: { phase: "Failed", reason: "Evicted" } }),
    readyPod("done", { status: { phase: "Succeeded" } }),
    foreign,
    workloadObject("Deployment", "chat-gateway-now", { role: "gateway" }),
  ];
  expect(instancesOf(live, at(60))).toEqual([]);
});
