import { describe, expect, test } from "@jest/globals";
import { ApiError } from "../runtime/client.ts";
import type { KubeObject } from "../runtime/object.ts";
import { podsToAskAbout, objectsToAskAbout } from "./events-needed.ts";
import { createPodEvents } from "./pod-events.ts";
import { containerOf, podObject, ready, readyPod, T0, waitingPod, workloadObject, iso } from "./testing.ts";

const creating = waitingPod("it", "ContainerCreating");
const running = podObject("it", {
  status: {
    conditions: [ready("False", 0)],
    containerStatuses: [containerOf({ state: { running: { startedAt: iso(1) } } })],
  },
});

describe("Events are needed", () => {
  test.each<[string, KubeObject, number, boolean]>([
    ["of a pod that is late and does not say why", creating, 6, true],
    ["not of one that has only begun", creating, 4, false],
    ["not of one that is ready", readyPod("it"), 60, false],
    ["not of one that says why", waitingPod("it", "ErrImagePull", "not found"), 60, false],
    ["not of one that runs and may become ready", running, 10, false],
    ["of one that runs and does not", running, 16, true],
    ["still when that has a name", running, 60, true],
    ["not of one that is over", podObject("it", { status: { phase: "Failed" } }), 60, false],
  ])("%s", (_name, pod, seconds, isNeeded) => {
    expect(podsToAskAbout([pod], T0 + seconds * 1000)).toEqual(isNeeded ? ["uid-it"] : []);
  });

  test("of a claim that waits, and of a StatefulSet that lacks pods", () => {
    const claim = (name: string, phase: string): KubeObject => ({
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name, namespace: "default", uid: name, creationTimestamp: iso(0) },
      status: { phase },
    });
    const live = [
      claim("waits", "Pending"),
      claim("bound", "Bound"),
      workloadObject("StatefulSet", "lacks", { role: "redis", status: { replicas: 0 } }),
      workloadObject("StatefulSet", "has", { role: "redis", status: { replicas: 1 } }),
      workloadObject("Deployment", "chat-gateway-1", { role: "gateway", status: { replicas: 0 } }),
    ];
    expect(objectsToAskAbout(live, T0 + 6000).map(({ uid }) => uid)).toEqual(["waits", "uid-lacks"]);
    expect(objectsToAskAbout(live, T0 + 4000)).toEqual([]);
  });
});

describe("Events are asked for", () => {
  const open = (answer: () => Promise<KubeObject[]>, atOnce?: number) => {
    let time = T0 + 10_000;
    const asked: string[] = [];
    const errors: unknown[] = [];
    const podEvents = createPodEvents({
      client: {
        list: (kind, options) => {
          asked.push(`${kind.kind} ${options?.namespace} ${options?.fieldSelector}`);
          return answer();
        },
      },
      now: () => time,
      onError: (error) => errors.push(error),
      ...(atOnce === undefined ? {} : { atOnce }),
    });
    return { podEvents, asked, errors, pass: (ms: number) => (time += ms) };
  };
  const warning: KubeObject = {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: "e" },
    involvedObject: { uid: "uid-it" },
    reason: "FailedMount",
    message: "no",
    lastTimestamp: iso(8),
  };
  const told = { uid: "uid-it", reason: "FailedMount", message: "no", at: T0 + 8000 };

  test("about one object every 10 s, and remembered in between", async () => {
    const { podEvents, asked, pass } = open(() => Promise.resolve([warning]));
    expect(await podEvents.about([creating])).toEqual([told]);
    pass(9_999);
    expect(await podEvents.about([creating])).toEqual([told]);
    expect(asked).toEqual(["Event default involvedObject.uid=uid-it,type=Warning"]);
    pass(1);
    await podEvents.about([creating]);
    expect(asked).toHaveLength(2);
  });

  test("not where nothing is late", async () => {
    const { podEvents, asked } = open(() => Promise.resolve([warning]));
    expect(await podEvents.about([readyPod("it")])).toEqual([]);
    expect(asked).toEqual([]);
  });

  test("about a few objects at once, all in turn", async () => {
    const { podEvents, asked } = open(() => Promise.resolve([]), 2);
    const live = ["a", "b", "c"].map((name) => waitingPod(name, "ContainerCreating"));
    await podEvents.about(live);
    expect(asked).toHaveLength(2);
    await podEvents.about(live);
    expect(asked).toHaveLength(3);
  });

  test("no faster than the rate of all clusters together", async () => {
    let asked = 0;
    const podEvents = createPodEvents({
      client: {
        list: async () => {
          asked += 1;
          return [];
        },
      },
      rate: { perSecond: 0.001, burst: 3 },
      now: () => T0 + 60_000,
    });
    for (const cluster of ["a", "b", "c"])
      await podEvents.about([1, 2].map((name) => waitingPod(`${cluster}${name}`, "ContainerCreating")));
    expect(asked).toBe(3);
  });

  test("and when the API server does not answer, what it said before counts", async () => {
    let isAway = false;
    const { podEvents, errors, pass } = open(() =>
      isAway ? Promise.reject(new ApiError(403, "Forbidden", "no")) : Promise.resolve([warning]),
    );
    await podEvents.about([creating]);
    isAway = true;
    pass(10_000);
    expect(await podEvents.about([creating])).toEqual([told]);
    expect(errors).toHaveLength(1);
  });
});
