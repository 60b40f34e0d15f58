import { describe, expect, test } from "@jest/globals";
import type { QueueSettings } from "#crds";
import { createBrokerState, type NewJob, type Past } from "./broker.ts";
import type { Settlement } from "./queue.ts";

const SETTINGS: QueueSettings = { mode: "job", ordered: false, attempts: 3, timeoutMs: 1000 };
const NEVER_TRIED: Past = { attempt: 1, order: 1, inMs: 0, death: undefined };

/** A broker of one queue, whose workers and publishers are the lines of `said`. */
const setUp = (over: Partial<QueueSettings> = {}, limits: { maxJobs?: number; maxBytes?: number } = {}) => {
  const said: string[] = [];
  const deaf = new Set<string>();
  let time = 1_000_000;
  const state = createBrokerState({
    outlet: {
      hand: ({ peer }, { id, attempt }) => {
        if (deaf.has(peer)) return false;
        said.push(`${peer} gets ${id}/${attempt}`);
        return true;
      },
      finished: ({ id }) => said.push(`${id} finished`),
      again: ({ id, attempt }, inMs) => said.push(`${id} again as ${attempt} in ${inMs}`),
      died: ({ id, death }) => said.push(`${id} died: ${death?.reason}`),
    },
    maxJobs: 1000,
    maxBytes: 1_000_000,
    now: () => time,
    adoptMs: 2000,
    ...limits,
  });
  state.declare("q", { ...SETTINGS, ...over });
  let n = 0;
  const numbers = new Map<string, number>();
  const aJob = (id: string, key?: string): NewJob => {
    const number = numbers.get(id) ?? (n += 1);
    numbers.set(id, number);
    return { node: "gw", n: number, queue: "q", id, key, body: Buffer.from(id) };
  };
  return {
    state,
    deaf,
    /** What was said since this was asked last. */
    heard: () => said.splice(0),
    pass: (ms: number) => {
      time += ms;
      state.tick();
    },
    uid: (id: string) => `gw:${numbers.get(id)}`,
    submit: (id: string, key?: string) => state.submit(aJob(id, key)),
    offer: (id: string, past: Partial<Past> = {}, key?: string) =>
      state.offer(aJob(id, key), { ...NEVER_TRIED, ...past }),
    worker: (peer: string, concurrency = 1, inHand: [string, number][] = []) =>
      state.consume(peer, 1, "q", concurrency, inHand),
    settle: (peer: string, id: string, settlement: Settlement = { kind: "done" }) =>
      state.settle(peer, 1, `gw:${numbers.get(id)}`, settlement),
  };
};

const retry = (inMs: number): Settlement => ({ kind: "retry", inMs, error: "boom" });
const rejected: Settlement = { kind: "dead", reason: "rejected", error: "no" };

describe("the hub's broker", () => {
  test("given waiting jobs, when a worker comes, then it gets them in order, as many at once as it takes", () => {
    const it = setUp();
    for (const id of ["a", "b", "c"]) it.submit(id);
    it.worker("w", 2);
    expect(it.heard()).toEqual(["w gets a/1", "w gets b/1"]);
    expect(it.state.depth("q")).toEqual({ ready: 1, unacked: 2, dead: 0 });
    it.settle("w", "b");
    expect(it.heard()).toEqual(["b finished", "w gets c/1"]);
    expect(it.state.held()).toEqual({ jobs: 2, bytes: 2 });
  });

  test("given idle workers, when jobs come, then each goes at once to who waited longest", () => {
    const it = setUp({ mode: "request" });
    for (const worker of ["v", "w", "x"]) it.worker(worker);
    it.submit("a");
    it.submit("b");
    it.settle("v", "a");
    it.submit("c");
    it.submit("d");
    expect(it.heard()).toEqual(["v gets a/1", "w gets b/1", "a finished", "x gets c/1", "v gets d/1"]);
  });

  test("given a worker that dies, then what it had runs before all that wait, as the next attempt", () => {
    const it = setUp();
    it.worker("w", 2);
    for (const id of ["a", "b", "c"]) it.submit(id);
    it.heard();
    it.state.peerGone("w");
    it.worker("x", 3);
    expect(it.heard()).toEqual(["a again as 2 in 0", "b again as 2 in 0", "x gets a/2", "x gets b/2", "x gets c/1"]);
  });

  test("given a job whose workers die as often as attempts allow, then it is dead, as lost", () => {
    const it = setUp({ attempts: 2 });
    it.submit("a");
    for (const worker of ["v", "w"]) {
      it.worker(worker);
      it.state.peerGone(worker);
    }
    expect(it.heard()).toEqual(["v gets a/1", "a again as 2 in 0", "w gets a/2", "a died: lost"]);
    expect(it.state.depth("q")).toEqual({ ready: 0, unacked: 0, dead: 1 });
  });

  test("given a run that failed, then the job waits for its retry while others run", () => {
    const it = setUp();
    it.worker("w");
    it.submit("a");
    it.submit("b");
    it.settle("w", "a", retry(500));
    it.settle("w", "b");
    expect(it.state.depth("q")).toEqual({ ready: 1, blocked: 1, unacked: 0, dead: 0 });
    expect(it.state.nextDue()).toBe(1_000_500);
    it.pass(499);
    expect(it.heard()).toEqual(["w gets a/1", "a again as 2 in 500", "w gets b/1", "b finished"]);
    it.pass(1);
    expect(it.heard()).toEqual(["w gets a/2"]);
  });

  test("given a released job, then it is the next to be run, as the same attempt", () => {
    const it = setUp();
    it.worker("w");
    for (const id of ["a", "b"]) it.submit(id);
    it.state.stop("w", 1);
    it.settle("w", "a", { kind: "release" });
    expect(it.heard()).toEqual(["w gets a/1"]);
    it.worker("x", 2);
    expect(it.heard()).toEqual(["x gets a/1", "x gets b/1"]);
  });

  test("given a cancelled consumption, then all that it had is released, in order", () => {
    const it = setUp();
    it.worker("w", 2);
    for (const id of ["a", "b", "c"]) it.submit(id);
    it.state.cancel("w", 1);
    it.heard();
    it.settle("w", "a");
    it.worker("x", 3);
    expect(it.heard()).toEqual(["x gets a/1", "x gets b/1", "x gets c/1"]);
  });

  test("given a job that was given to another meanwhile, then the first worker's outcome is dropped", () => {
    const it = setUp();
    it.worker("w");
    it.submit("a");
    it.state.peerGone("w");
    it.worker("x");
    it.heard();
    it.worker("w", 1, [[it.uid("a"), 1]]);
    it.settle("w", "a");
    expect(it.heard()).toEqual([]);
    it.settle("x", "a");
    expect(it.heard()).toEqual(["a finished"]);
  });

  test("given a worker back before its job was given to another, then the job is its again", () => {
    const it = setUp();
    it.worker("w");
    it.submit("a");
    it.state.peerGone("w");
    it.heard();
    it.worker("w2", 1, [[it.uid("a"), 1]]);
    expect(it.state.depth("q")).toEqual({ ready: 0, unacked: 1, dead: 0 });
    it.settle("w2", "a");
    expect(it.heard()).toEqual(["a finished"]);
  });

  test("given keys, then one job of each runs at a time, the oldest key first", () => {
    const it = setUp({ ordered: true });
    for (const [id, key] of [
      ["a1", "a"],
      ["a2", "a"],
      ["b1", "b"],
      ["n1", undefined],
      ["b2", "b"],
    ] as const)
      it.submit(id, key);
    it.worker("w", 10);
    expect(it.heard()).toEqual(["w gets a1/1", "w gets b1/1", "w gets n1/1"]);
    it.settle("w", "b1");
    it.settle("w", "a1");
    expect(it.heard()).toEqual(["b1 finished", "w gets b2/1", "a1 finished", "w gets a2/1"]);
  });

  test("given a key whose job waits for its retry, then the key waits with it and others go on", () => {
    const it = setUp({ ordered: true });
    it.worker("w", 10);
    it.submit("a1", "a");
    it.submit("a2", "a");
    it.settle("w", "a1", retry(500));
    it.submit("b1", "b");
    expect(it.heard()).toEqual(["w gets a1/1", "a1 again as 2 in 500", "w gets b1/1"]);
    it.pass(500);
    it.settle("w", "a1");
    expect(it.heard()).toEqual(["w gets a1/2", "a1 finished", "w gets a2/1"]);
  });

  test("given a key whose worker dies, then its job runs first and the key's next one only after it", () => {
    const it = setUp({ ordered: true });
    it.worker("w", 10);
    for (const id of ["a1", "a2", "a3"]) it.submit(id, "a");
    it.state.peerGone("w");
    it.submit("b1", "b");
    it.heard();
    it.worker("x", 10);
    expect(it.heard()).toEqual(["x gets a1/2", "x gets b1/1"]);
    it.settle("x", "a1", rejected);
    expect(it.heard()).toEqual(["a1 died: rejected", "x gets a2/1"]);
  });

  test("given a request that nobody took in time, then it is dropped unrun; one that fails or dies is not run again", () => {
    const it = setUp({ mode: "request" });
    it.submit("late");
    it.pass(1000);
    expect(it.heard()).toEqual(["late finished"]);
    it.worker("w", 2);
    it.submit("fails");
    it.submit("dies");
    it.settle("w", "fails", retry(1));
    it.state.peerGone("w");
    expect(it.heard()).toEqual(["w gets fails/1", "w gets dies/1", "fails finished", "dies finished"]);
    expect(it.state.held().jobs).toBe(0);
  });

  test("given dead letters, then they are told oldest first and put back as first attempts", () => {
    const it = setUp();
    it.worker("w");
    for (const id of ["a", "b", "c"]) {
      it.submit(id);
      it.settle("w", id, rejected);
    }
    it.state.stop("w", 1);
    expect(it.state.letters("q", 2).map(({ id }) => id)).toEqual(["a", "b"]);
    expect(it.state.redrive("q", ["b", "nobody"])).toBe(1);
    expect(it.state.redrive("q", undefined)).toBe(2);
    it.heard();
    it.worker("x", 3);
    expect(it.heard()).toEqual(["x gets b/1", "x gets a/1", "x gets c/1"]);
  });

  test.each([
    ["jobs", { maxJobs: 2 }],
    ["bytes", { maxBytes: 2 }],
  ])("given a hub full of %s, then more is refused until something is finished", (_what, limits) => {
    const it = setUp({}, limits);
    expect([it.submit("a"), it.submit("b"), it.submit("c")].map((order) => order !== undefined)).toEqual([
      true,
      true,
      false,
    ]);
    it.worker("w");
    it.settle("w", "a");
    expect(it.submit("c")).toBeDefined();
  });

  test("given the same job twice, then it is held once", () => {
    const it = setUp();
    expect(it.submit("a")).toBe(it.submit("a"));
    expect(it.state.depth("q").ready).toBe(1);
  });

  test("given a worker whose line is full, then the job goes to another, and it gets its turn again later", () => {
    const it = setUp();
    it.deaf.add("w");
    it.worker("w");
    it.worker("x");
    it.submit("a");
    it.submit("b");
    expect(it.heard()).toEqual(["x gets a/1"]);
    it.deaf.delete("w");
    it.pass(1000);
    expect(it.heard()).toEqual(["w gets b/1"]);
  });
});

describe("a hub that came back empty", () => {
  test("hands nothing out until all could say what they have, then in the old order", () => {
    const it = setUp();
    it.state.back();
    it.worker("w", 10);
    it.offer("b", { order: 2 });
    it.submit("new");
    it.offer("a", { order: 1, attempt: 2 });
    it.offer("late", { order: 3, inMs: 5000 });
    expect(it.heard()).toEqual([]);
    it.pass(2000);
    expect(it.heard()).toEqual(["w gets a/2", "w gets b/1", "w gets new/1"]);
    it.pass(3000);
    expect(it.heard()).toEqual(["w gets late/1"]);
  });

  test("leaves a job with the worker that has it in hand, whoever speaks first", () => {
    const it = setUp();
    it.state.back();
    it.offer("a");
    it.worker("w", 3, [
      [it.uid("a"), 2],
      ["gw:2", 1],
      ["gw:3", 1],
    ]);
    it.state.settle("w", 1, "gw:3", { kind: "done" });
    it.offer("b");
    it.offer("c");
    it.pass(2000);
    expect(it.heard()).toEqual(["c finished"]);
    expect(it.state.depth("q")).toEqual({ ready: 0, unacked: 2, dead: 0 });
    it.settle("w", "a", retry(0));
    it.settle("w", "b");
    expect(it.heard()).toEqual(["a again as 3 in 0", "w gets a/3", "b finished"]);
  });

  test("keeps keys in order over the restart", () => {
    const it = setUp({ ordered: true });
    it.state.back();
    it.offer("a2", { order: 2 }, "a");
    it.submit("a3", "a");
    it.offer("a1", { order: 1 }, "a");
    it.worker("w", 10);
    it.pass(2000);
    it.settle("w", "a1");
    it.settle("w", "a2");
    expect(it.heard()).toEqual(["w gets a1/1", "a1 finished", "w gets a2/1", "a2 finished", "w gets a3/1"]);
  });

  test("takes dead letters again, and tells what it does not hold", () => {
    const it = setUp();
    it.offer("a", { attempt: 3, death: { reason: "failed", error: "boom", at: 7 } });
    expect(it.state.letters("q", 10)).toMatchObject([{ id: "a", attempt: 3, death: { reason: "failed", at: 7 } }]);
    expect(it.state.missing("gw", [1, 2])).toEqual([2]);
  });
});
