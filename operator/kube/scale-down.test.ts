import { describe, expect, test } from "@jest/globals";
import { clusterOf } from "../testing.ts";
import { topology } from "../topology/topology.ts";
import { iso, podObject, ready, readyPod, T0, workloadObject } from "./observe/testing.ts";
import { ANNOTATION } from "./plan/labels.ts";
import type { KubeObject } from "./runtime/object.ts";
import { stepDown, stepsDown, type Candidate, type Step } from "./scale-down.ts";

const NOW = 1_000_000;

/** Pods by a letter each: upper case is ready, `!` after it marked, `~` that it has been so for an hour. */
const podsOf = (text: string): Candidate[] =>
  [...text.matchAll(/(\w)(!?)(~?)/g)].map(([, name = "", marked, long]) => ({
    name: name.toLowerCase(),
    isReady: name !== name.toLowerCase(),
    since: long === "~" ? NOW - 3_600_000 : NOW - 1000,
    isMarked: marked === "!",
  }));

const marks = (names: string) => names.split("").map((pod) => ({ pod, cost: "-1" as const }));
const spares = (names: string) => names.split("").map((pod) => ({ pod, cost: null }));

describe("the next step to a lower count", () => {
  const cases: [string, { pods: string; wanted: number; victims?: string; asked?: number }, Step][] = [
    ["first marks who goes", { pods: "ABCD", wanted: 2, victims: "bd" }, { count: 4, costs: marks("bd") }],
    ["is to ask for it once the marks are seen", { pods: "AB!CD!", wanted: 2, victims: "bd" }, { count: 2, costs: [] }],
    ["marks who is missing", { pods: "AB!CD", wanted: 2, victims: "bd" }, { count: 4, costs: marks("d") }],
    [
      "stays with who was chosen though another has less to do",
      { pods: "AB!CD", wanted: 3, victims: "d" },
      { count: 3, costs: [] },
    ],
    ["spares who need not go any more", { pods: "A!B!C!D", wanted: 2 }, { count: 4, costs: spares("c") }],
    [
      "waits for one that is not ready yet, which would go first",
      { pods: "ABCd", wanted: 2, victims: "ab" },
      { count: 4, costs: [] },
    ],
    [
      "does not wait for one that is not ready for long, and that one goes",
      { pods: "ABCd~", wanted: 2, victims: "db" },
      { count: 4, costs: marks("b") },
    ],
    [
      "marks nobody where those that are not ready are enough",
      { pods: "ABc~d~", wanted: 2, victims: "cd" },
      { count: 2, costs: [] },
    ],
    [
      "asks for it where more than those that go are not ready for long",
      { pods: "ABc~d~e~", wanted: 4, victims: "c" },
      { count: 4, costs: [] },
    ],
    [
      "spares who was chosen before where those that are not ready are more than enough",
      { pods: "A!Bc~d~e~", wanted: 4, victims: "c" },
      { count: 5, costs: spares("a") },
    ],
    ["needs no marks where all go", { pods: "ABCd", wanted: 0, victims: "abcd" }, { count: 0, costs: [] }],
    [
      "asks for it though nobody is known to be better than another",
      { pods: "ABCD", wanted: 2 },
      { count: 2, costs: [] },
    ],
    [
      "leaves the marks while those who go are still there",
      { pods: "AB!CD!", wanted: 2, asked: 2 },
      { count: 2, costs: [] },
    ],
    [
      "takes the mark from one that was not taken",
      { pods: "AB!", wanted: 2, asked: 2 },
      { count: 2, costs: spares("b") },
    ],
    ["up needs none of that, and spares who was chosen", { pods: "AB!", wanted: 5 }, { count: 5, costs: spares("b") }],
    ["asks for it where as many are not even there", { pods: "AB", wanted: 3, asked: 5 }, { count: 3, costs: [] }],
  ];
  test.each(cases)("%s", (_sentence, { pods, wanted, victims = "", asked }, then) => {
    const all = podsOf(pods);
    expect(stepDown({ wanted, asked: asked ?? all.length, pods: all, victims: victims.split(""), now: NOW })).toEqual(
      then,
    );
  });
});

describe("the steps of a cluster", () => {
  const scaling = { maxReplicas: 9 };
  const { roles } = topology(
    clusterOf({ gateway: { autoscaling: scaling }, workers: [{ name: "a", events: ["a"], autoscaling: scaling }] }),
    { managedAs: "server", release: { version: "0.1.0", image: "realtime:0.1.0" } },
  );
  const of = (name: string) => roles.filter((role) => role.name === name).map((role) => ({ ...role, count: 1 }));
  const annotated = (name: string, hash: string, more: object = {}) => ({
    annotations: { [ANNOTATION.of]: name, [ANNOTATION.configHash]: hash, ...more },
  });
  const worker = (name: string, { marked = false, going = false } = {}) => {
    const pod = readyPod(name, { role: "worker", pool: "a" });
    const metadata = {
      ...pod.metadata,
      ...annotated("worker-a", of("worker-a")[0]?.configHash ?? "", marked ? { [ANNOTATION.deletionCost]: "-1" } : {}),
      ...(going ? { deletionTimestamp: iso(60) } : {}),
    };
    return { ...pod, metadata };
  };
  const pool = (replicas: number) =>
    workloadObject("Deployment", "chat-worker-a", { role: "worker", pool: "a", replicas });
  const steps = (name: string, live: KubeObject[], victims: string[]) => {
    const { roles, costs } = stepsDown(of(name), { live, victims, now: T0 + 30_000 });
    return { counts: roles.map(({ count }) => count), costs };
  };

  test("are from what its pods say", () => {
    const live = [pool(3), worker("x"), worker("y"), worker("z")];
    expect(steps("worker-a", live, ["y", "z"])).toEqual({ counts: [3], costs: marks("yz") });
    const seen = [pool(3), worker("x"), worker("y", { marked: true }), worker("z", { marked: true })];
    expect(steps("worker-a", seen, ["y", "z"])).toEqual({ counts: [1], costs: [] });
    const gone = [pool(1), worker("x"), worker("y", { marked: true, going: true }), worker("z", { going: true })];
    expect(steps("worker-a", gone, [])).toEqual({ counts: [1], costs: [] });
  });

  test("wait for a pod that starts", () => {
    const starting = podObject("z", {
      role: "worker",
      pool: "a",
      status: { conditions: [ready("False", 10)] },
    });
    expect(steps("worker-a", [pool(3), worker("x"), worker("y"), starting], ["y"])).toEqual({ counts: [3], costs: [] });
  });

  test("are those of gateways too whose count is written by hand", () => {
    const fixed = topology(clusterOf({ gateway: { replicas: 1 } }), {
      managedAs: "server",
      release: { version: "0.1.0", image: "realtime:0.1.0" },
    }).roles.filter(({ role }) => role === "gateway");
    const hash = fixed[0]?.configHash ?? "";
    const pods = ["x", "y"].map((name) =>
      readyPod(name, { metadata: { name, labels: readyPod(name).metadata.labels, ...annotated("gateway", hash) } }),
    );
    const live = [workloadObject("Deployment", "chat-gateway-now", { role: "gateway", replicas: 2 }), ...pods];
    const { roles, costs } = stepsDown(fixed, { live, victims: ["y"], now: T0 + 30_000 });
    expect([roles.map(({ count }) => count), costs]).toEqual([[2], marks("y")]);
  });

  test("are none where nothing is there yet, or the gateways roll", () => {
    expect(steps("worker-a", [], [])).toEqual({ counts: [1], costs: [] });
    const gateways = ["x", "y", "z"].map((name) => readyPod(name, { metadata: annotated("gateway", "old") }));
    const live = [workloadObject("Deployment", "chat-gateway-old", { role: "gateway", replicas: 3 }), ...gateways];
    expect(steps("gateway", live, ["y", "z"])).toEqual({ counts: [1], costs: [] });
  });
});
