import { describe, expect, test } from "@jest/globals";
import type { GatewayReport, PoolReport, Snapshot, WorkerReport } from "#crds";
import type { Instance } from "../port.ts";
import { clusterOf, instanceOf, signalOf } from "../testing.ts";
import { topology } from "../topology/topology.ts";
import { inHandOf, type Heard } from "./in-hand.ts";
import { readingOf } from "./read.ts";

const { roles } = topology(
  clusterOf({
    gateway: { autoscaling: {} },
    workers: [{ name: "a", events: ["a"], autoscaling: {} }],
  }),
  { managedAs: "hub" },
);
const roleOf = (name: string) => {
  const role = roles.find((it) => it.name === name);
  if (role === undefined) throw new Error(`no ${name}`);
  return role;
};

const worker = (node: string, jobs: number): WorkerReport => ({
  node,
  pool: "a",
  done: 0,
  failed: 0,
  inHand: Array.from({ length: jobs }, (_, index) => ({ id: String(index), event: "a", attempt: 1, since: 0 })),
});
const gateway = (node: string, rest: Partial<GatewayReport> = {}): GatewayReport => ({
  node,
  connections: 0,
  carried: 0,
  draining: false,
  ...rest,
});

const read = (
  name: string,
  own: readonly Instance[],
  snapshot: Partial<Snapshot> | undefined,
  before: ReadonlyMap<string, Heard> = new Map(),
) => {
  const signal = snapshot && signalOf(snapshot);
  return readingOf(roleOf(name), { own, signal, ...inHandOf(own, signal?.snapshot, before) });
};
const known = { pool: "a", ready: 5, unacked: 2 };

describe("a pool's load", () => {
  const cases: [string, Partial<PoolReport> | undefined, object][] = [
    ["is what is told", known, { jobs: { ready: 5, unacked: 2 } }],
    ["with rates", { ...known, inRate: 3, outRate: 0 }, { jobs: { inRate: 3, outRate: 0 } }],
    ["is unknown where nobody tells of the pool", undefined, { unknown: expect.any(String) }],
    ["is unknown where nobody tells what waits", { unacked: 5 }, { unknown: expect.any(String) }],
    ["tells what waits for a retry or its key", { ...known, blocked: 3 }, { jobs: { ready: 5, blocked: 3 } }],
    ["of which there is no more than waits", { ...known, blocked: 9 }, { jobs: { ready: 5, blocked: 5 } }],
    ["is unknown where it is negative", { ...known, ready: -5 }, { unknown: expect.stringContaining("-5 waiting") }],
    [
      "is unknown where it is no number",
      { ...known, unacked: Number.NaN },
      { unknown: expect.stringContaining("NaN") },
    ],
    ["is unknown where it is beyond all measure", { ...known, ready: 1e12 }, { unknown: expect.any(String) }],
  ];
  test.each(cases)("%s", (_then, report, expected) => {
    const pools = report === undefined ? [] : [{ pool: "a", ...report }];
    expect(read("worker-a", [], { pools }).load).toMatchObject(expected);
  });

  test("leaves out rates that cannot be, and keeps the rest", () => {
    const pools = [{ ...known, inRate: -3, outRate: Infinity, failedRate: 1 }];
    expect(read("worker-a", [], { pools }).load).toEqual({ jobs: { at: 0, ready: 5, unacked: 2, failedRate: 1 } });
  });

  test("is unknown without a signal", () => {
    expect(read("worker-a", [], undefined).load).toEqual({ unknown: "its load is unknown: no gateway tells it" });
  });
});

describe("what workers have in hand", () => {
  const heard = (load: number, restarts = 0) => new Map([["w-0", { load, restarts }]]);
  const cases: [string, Partial<Instance>, WorkerReport[], ReadonlyMap<string, Heard>, object][] = [
    ["is what they report", {}, [worker("w-0-x", 3)], new Map(), { busy: 1, silent: 0, inHand: 3, reporting: 1 }],
    ["nothing, where they report nothing", {}, [worker("w-0-x", 0)], new Map(), { busy: 0, silent: 0, inHand: 0 }],
    ["is unknown of one that serves and was never heard", {}, [], new Map(), { silent: 1, inHand: 0, reporting: 0 }],
    [
      "is unknown of one whose node vanished: it has what it had",
      { state: "starting" },
      [],
      heard(7),
      { silent: 1, inHand: 7 },
    ],
    [
      "nothing, of one that ended and came back",
      { state: "starting", restarts: 1 },
      [],
      heard(7),
      { silent: 0, inHand: 0 },
    ],
    ["nothing, of one that died", { state: "backoff" }, [], heard(7), { silent: 0 }],
    [
      "nothing, of one that has not served yet",
      { state: "starting" },
      [],
      new Map(),
      { silent: 0, inHand: 0, ready: 0 },
    ],
  ];
  test.each(cases)("%s", (_then, state, workers, before, expected) => {
    const own = [instanceOf("w-0", { role: "worker", of: "worker-a", ...state })];
    expect(read("worker-a", own, { pools: [known], workers }, before).fleet).toMatchObject(expected);
  });

  test("is what they told last where not all have told it now: what waits is known all the same", () => {
    const own = [instanceOf("w-0", { role: "worker", of: "worker-a" })];
    const { load, fleet } = read("worker-a", own, { pools: [{ pool: "a", ready: 5 }] }, heard(7));
    expect([load, fleet.silent]).toMatchObject([{ jobs: { ready: 5, unacked: 7 } }, 1]);
  });

  test("counts as backlog where the report that told it is gone", () => {
    const own = [instanceOf("w-0", { role: "worker", of: "worker-a", state: "starting" })];
    const pools = [{ pool: "a", ready: 0, unacked: 0 }];
    expect(read("worker-a", own, { pools }, heard(7)).load).toMatchObject({ jobs: { ready: 0, unacked: 7 } });
  });
});

test("what workers that go still have in hand is no backlog: they finish it", () => {
  const pools = [{ pool: "a", ready: 1, unacked: 7, leaving: 5 }];
  const own = [instanceOf("w-1", { role: "worker", of: "worker-a" })];
  expect(read("worker-a", own, { pools, workers: [worker("w-1-x", 2)] }).load).toMatchObject({
    jobs: { ready: 1, unacked: 2 },
  });
});

describe("the gateways' load", () => {
  const own = ["g-0", "g-1"].map((name) => instanceOf(name));
  const cases: [string, GatewayReport[], object][] = [
    [
      "is own and carried connections of all",
      [gateway("g-0-x", { connections: 10, carried: 3 }), gateway("g-1-x", { connections: 5 })],
      { clients: { connections: 18, draining: 0 } },
    ],
    [
      "of one that drains, what it owns; and it is none of those that take it",
      [gateway("g-0-x", { connections: 10, carried: 3, draining: true }), gateway("g-1-x", { connections: 5 })],
      { clients: { connections: 15, draining: 1 } },
    ],
    [
      "of one that drains and is counted no more, what it owns",
      [gateway("g-9-x", { connections: 10, draining: true }), gateway("g-1-x", { connections: 5 })],
      { clients: { connections: 15, draining: 0 } },
    ],
    [
      "is as late as the gateway in the middle: one hot room asks for no more of them",
      [gateway("g-0-x", { lagMs: 5 }), gateway("g-1-x", { lagMs: 900 }), gateway("g-2-x", { lagMs: 7 })],
      { clients: { lagMs: 7 } },
    ],
    [
      "is unknown where it cannot be",
      [gateway("g-0-x", { connections: -1 })],
      { unknown: expect.stringContaining("g-0-x") },
    ],
  ];
  test.each(cases)("%s", (_then, gateways, expected) => {
    expect(read("gateway", own, { gateways }).load).toMatchObject(expected);
  });

  test("has what one that is silent last told", () => {
    const before = new Map([["g-0", { load: 400, restarts: 0 }]]);
    expect(read("gateway", own, { gateways: [gateway("g-1-x", { connections: 5 })] }, before).load).toMatchObject({
      clients: { connections: 405 },
    });
  });
});
