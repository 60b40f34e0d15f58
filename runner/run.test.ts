import { describe, expect, test } from "@jest/globals";
import { eventually } from "#testing";
import type { Handler } from "./context.ts";
import { Reject } from "./reject.ts";
import { aJob, setStage } from "./testing/stage.ts";

/** A handler that runs until its attempt is aborted and then goes on for ever, ignoring it. */
const never: Handler = () => new Promise(() => {});

describe("a job", () => {
  test("says its emits, then its result, all behind the sender's ack", async () => {
    using stage = setStage({
      "chat:message": async (payload, ctx) => {
        ctx.to("lobby").emit("chat:message", { from: ctx.user, payload });
        await Promise.resolve();
        ctx.broadcast().emit("news", ctx.key);
        return { n: ctx.attempt };
      },
    });
    const outcome = await stage.runner.run({ job: aJob(), attempt: 1 });
    const context = { job: "ada/1" };
    expect(outcome).toEqual({ kind: "done" });
    expect(stage.said).toEqual([
      { to: "c:lobby", event: "chat:message", data: { from: "ada", payload: { text: "hi" } }, context },
      { to: "*", event: "news", data: "ada/1", context },
      { to: "u:ada", event: "job:done", data: { id: "1", result: { n: 1 } }, context },
    ]);
    expect(stage.recorded.map(({ state, worker, result }) => ({ state, worker, result }))).toEqual([
      { state: "running", worker: "worker-1", result: undefined },
      { state: "done", worker: "worker-1", result: { n: 1 } },
    ]);
    expect(stage.asked()).toBe(0);
  });

  test("that throws is retried and at last failed, and its sender is told each time", async () => {
    using stage = setStage({
      "chat:message": () => {
        throw new Error("secret");
      },
    });
    const outcomes = [];
    for (const attempt of [1, 2, 3]) outcomes.push((await stage.runner.run({ job: aJob(), attempt })).kind);
    expect(outcomes).toEqual(["retry", "retry", "dead"]);
    expect(stage.said.map(({ event, data }) => ({ event, data }))).toEqual([
      { event: "job:retry", data: { id: "1", attempt: 1, inMs: 1000 } },
      { event: "job:retry", data: { id: "1", attempt: 2, inMs: 2000 } },
      { event: "job:failed", data: { id: "1", error: { code: "handler_failed", message: "The handler threw" } } },
    ]);
    expect(stage.recorded.at(-1)).toMatchObject({ state: "failed", attempt: 3, error: { code: "handler_failed" } });
    expect(stage.runner.report()).toMatchObject({ inHand: [], done: 0, failed: 1 });
  });

  test("that is rejected is dead at once, and its sender is told why", async () => {
    using stage = setStage({
      "chat:*": async () => {
        throw new Reject("too rude");
      },
    });
    expect(await stage.runner.run({ job: aJob(), attempt: 1 })).toMatchObject({ kind: "dead", reason: "rejected" });
    expect(stage.said).toMatchObject([
      { event: "job:failed", data: { error: { code: "rejected", message: "too rude" } } },
    ]);
  });

  test("whose event has no handler is dead at once", async () => {
    using stage = setStage({ "chat:message": () => 1 });
    const outcome = await stage.runner.run({ job: aJob({ event: "chat:other" }), attempt: 1 });
    expect(outcome).toMatchObject({ kind: "dead", reason: "rejected", error: expect.stringContaining("chat:other") });
  });

  test("whose result cannot be sent is dead, not retried for ever", async () => {
    using stage = setStage({ "chat:message": () => ({ n: 1n }) });
    expect(await stage.runner.run({ job: aJob(), attempt: 1 })).toMatchObject({ kind: "dead", reason: "rejected" });
    expect(stage.said).toMatchObject([{ event: "job:failed", data: { error: { code: "rejected" } } }]);
  });

  test("of a server has nobody to tell, and is recorded", async () => {
    using stage = setStage({ "chat:message": () => 1 });
    await stage.runner.run({ job: aJob({ user: undefined }), attempt: 1 });
    expect(stage.said).toEqual([]);
    expect(stage.recorded.at(-1)).toMatchObject({ state: "done", result: 1 });
  });

  test("that nobody sent, such as $connected, is told to nobody", async () => {
    using stage = setStage({ $connected: (_payload, ctx) => ctx.progress(1) }, { pool: { events: ["$connected"] } });
    await stage.runner.run({ job: aJob({ event: "$connected" }), attempt: 1 });
    expect(stage.said).toEqual([]);
    expect(stage.recorded.at(-1)).toMatchObject({ state: "done" });
  });

  test("whose time is up is retried, its signal aborted, and its handler not waited for", async () => {
    let signal: AbortSignal | undefined;
    using stage = setStage(
      {
        "chat:message": (payload, ctx) => {
          signal = ctx.signal;
          return never(payload, ctx);
        },
      },
      { pool: { timeoutSeconds: 0.1 } },
    );
    expect(await stage.runner.run({ job: aJob(), attempt: 1 })).toMatchObject({ kind: "retry", inMs: 1000 });
    expect(signal?.reason).toMatchObject({ name: "TimeoutError" });
    expect(stage.said).toMatchObject([{ event: "job:retry" }]);
  });

  test("that ends after its time is up says nothing more", async () => {
    const late = Promise.withResolvers<string>();
    using stage = setStage({ "chat:message": () => late.promise }, { pool: { timeoutSeconds: 0.1 } });
    await stage.runner.run({ job: aJob(), attempt: 3 });
    late.resolve("late");
    await late.promise;
    expect(stage.said.map(({ event }) => event)).toEqual(["job:failed"]);
    expect(stage.recorded.at(-1)).toMatchObject({ state: "failed" });
  });
});

describe("progress", () => {
  test("goes to the sender, not for each call, but the last one always and before the result", async () => {
    using stage = setStage({
      "chat:message": (_payload, ctx) => {
        for (let n = 1; n <= 100; n++) ctx.progress(n);
        return "done";
      },
    });
    await stage.runner.run({ job: aJob(), attempt: 1 });
    const events = stage.said.map(({ event, data }) => ({ event, data }));
    expect(events).toEqual([
      { event: "job:progress", data: { id: "1", progress: 1 } },
      { event: "job:progress", data: { id: "1", progress: 100 } },
      { event: "job:done", data: { id: "1", result: "done" } },
    ]);
  });

  test("that was held back comes while the job goes on", async () => {
    const over = Promise.withResolvers<void>();
    using stage = setStage({
      "chat:message": (_payload, ctx) => {
        ctx.progress(1);
        ctx.progress(2);
        return over.promise;
      },
    });
    const run = stage.runner.run({ job: aJob(), attempt: 1 });
    await eventually(() => expect(stage.said.map(({ data }) => data)).toContainEqual({ id: "1", progress: 2 }));
    expect(stage.runner.report().inHand).toMatchObject([{ id: "1", user: "ada", attempt: 1, progress: 2 }]);
    over.resolve();
    await run;
  });
});

describe("a cancelled job", () => {
  test("in hand is aborted, settled, and its sender is told", async () => {
    using stage = setStage({ "chat:message": never });
    const run = stage.runner.run({ job: aJob(), attempt: 1 });
    stage.announceCancel("ada/1");
    expect(await run).toEqual({ kind: "done" });
    expect(stage.said).toMatchObject([{ event: "job:failed", data: { id: "1", error: { code: "cancelled" } } }]);
    expect(stage.recorded.at(-1)).toMatchObject({ state: "cancelled" });
  });

  test("is another's where the user is another", async () => {
    using stage = setStage({ "chat:message": () => 1 });
    stage.announceCancel("eve/1");
    await stage.runner.run({ job: aJob(), attempt: 1 });
    expect(stage.said).toMatchObject([{ event: "job:done" }]);
  });

  test("that was announced before it came is not started", async () => {
    using stage = setStage({ "chat:message": never });
    stage.announceCancel("ada/1");
    expect(await stage.runner.run({ job: aJob(), attempt: 1 })).toEqual({ kind: "done" });
    expect(stage.asked()).toBe(0);
  });

  test.each([
    { when: "older than the worker", job: aJob({ at: Date.now() - 60_000 }), attempt: 1 },
    { when: "retried", job: aJob(), attempt: 2 },
  ])("that is $when is found in the ledger", async ({ job, attempt }) => {
    using stage = setStage({ "chat:message": never });
    stage.cancelled.add("ada/1");
    expect(await stage.runner.run({ job, attempt })).toEqual({ kind: "done" });
    expect(stage.said).toMatchObject([{ event: "job:failed", data: { error: { code: "cancelled" } } }]);
  });
});

describe("a repeated job", () => {
  const done = { id: "1", user: "ada", pool: "chat", event: "chat:message", state: "done", attempt: 1 } as const;

  test("whose id was given and is done is dropped", async () => {
    using stage = setStage({ "chat:message": never });
    stage.known.set("ada/1", done);
    expect(await stage.runner.run({ job: aJob({ given: true }), attempt: 1 })).toEqual({ kind: "done" });
    expect(stage.said).toEqual([]);
    expect(stage.recorded).toEqual([]);
  });

  test("that has failed runs again: it may have been put back from the dead letters", async () => {
    using stage = setStage({ "chat:message": () => 1 });
    stage.known.set("ada/1", { ...done, state: "failed" });
    await stage.runner.run({ job: aJob({ given: true }), attempt: 1 });
    expect(stage.said).toMatchObject([{ event: "job:done" }]);
  });

  test("runs where the ledger does not answer", async () => {
    using stage = setStage({ "chat:message": () => 1 }, { ledgerAway: true });
    await stage.runner.run({ job: aJob({ given: true }), attempt: 2 });
    expect(stage.said).toMatchObject([{ event: "job:done" }]);
  });
});

describe("the other modes", () => {
  test("request: the result goes to the node that waits for it, after the emits", async () => {
    using stage = setStage({
      "chat:message": (_payload, ctx) => {
        ctx.to("lobby").emit("asked", 1);
        return 42;
      },
    });
    await stage.runner.run({ job: aJob({ mode: "request", replyTo: "gateway-7" }), attempt: 1 });
    expect(stage.said).toEqual([
      { to: "c:lobby", event: "asked", data: 1, context: {} },
      { to: "reply:gateway-7", data: { v: 1, id: "1", user: "ada", result: 42 } },
    ]);
    expect(stage.recorded).toEqual([]);
  });

  test("request: a throw is the answer and is not retried", async () => {
    using stage = setStage({
      "chat:message": () => {
        throw new Error("secret");
      },
    });
    const outcome = await stage.runner.run({ job: aJob({ mode: "request", replyTo: "gateway-7" }), attempt: 1 });
    expect(outcome).toEqual({ kind: "done" });
    expect(stage.said).toEqual([
      {
        to: "reply:gateway-7",
        data: { v: 1, id: "1", user: "ada", error: { code: "handler_failed", message: "The handler threw" } },
      },
    ]);
  });

  test("copy: nobody is told, failures are retried", async () => {
    using stage = setStage({
      "chat:message": (_payload, { attempt }) => {
        if (attempt === 1) throw new Error("not yet");
      },
    });
    const job = aJob({ mode: "copy" });
    expect(await stage.runner.run({ job, attempt: 1 })).toMatchObject({ kind: "retry" });
    expect(await stage.runner.run({ job, attempt: 2 })).toEqual({ kind: "done" });
    expect(stage.said).toEqual([]);
    expect(stage.recorded).toEqual([]);
  });
});

describe("stopping", () => {
  test("waits for what is in hand, and hands back what is aborted without a word", async () => {
    const over = Promise.withResolvers<number>();
    using stage = setStage({ "chat:message": () => over.promise, "chat:slow": never });
    const first = stage.runner.run({ job: aJob(), attempt: 1 });
    const second = stage.runner.run({ job: aJob({ id: "2", event: "chat:slow" }), attempt: 1 });
    over.resolve(1);
    expect(await first).toEqual({ kind: "done" });
    stage.runner.release();
    expect(await second).toEqual({ kind: "release" });
    await stage.runner.idle();
    expect(stage.said).toMatchObject([{ event: "job:done", data: { id: "1" } }]);
    expect(await stage.registry.metrics()).toContain('realtime_worker_jobs_total{pool="chat",outcome="released"} 1');
  });
});
