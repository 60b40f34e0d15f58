import { setTimeout as wait } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { eventually } from "#testing";
import { aJob, aPool, ids, numbered, publishAll, work, type Stage } from "./fixture.ts";

/** The modes copy and request. */
export const describeModes = ({ setUp }: Stage): void => {
  test("a copy pool gets its copy, beside the pool that runs the job", async () => {
    await using it = await setUp();
    const copies = aPool({ name: "audit", mode: "copy" });
    await it.broker.declare([copies]);
    const main = await work(it.broker, it.pool);
    const audit = await work(it.other, copies);
    await it.broker.publish(it.pool, aJob("a"));
    await it.broker.publish(copies, aJob("a", {}, { mode: "copy" }));
    await eventually(() => expect([ids(main.done), ids(audit.done)]).toEqual([["a"], ["a"]]));
    expect(audit.seen[0]?.job.mode).toBe("copy");
  });

  test("requests are balanced over workers that come and go", async () => {
    await using it = await setUp({ mode: "request", concurrency: 1, timeoutSeconds: 20 });
    const first = await work(it.broker, it.pool, async () => {
      await wait(5);
      return { kind: "done" };
    });
    const second = await work(it.other, it.pool, async () => {
      await wait(5);
      return { kind: "done" };
    });
    expect(await it.broker.publish(it.pool, aJob("r", {}, { mode: "request" }))).toEqual({ durable: false });
    await publishAll(it.broker, it.pool, numbered("r", 19));
    await eventually(() => expect(first.done.length + second.done.length).toBe(20));
    expect(first.done.length).toBeGreaterThan(2);
    expect(second.done.length).toBeGreaterThan(2);
    await second.consumption[Symbol.asyncDispose]();
    const before = first.done.length;
    await publishAll(it.broker, it.pool, numbered("s", 10));
    await eventually(() => expect(first.done.length).toBe(before + 10));
  });

  test("a request that nobody took in time is dropped unrun", async () => {
    await using it = await setUp({ mode: "request", timeoutSeconds: 0.2 });
    await it.broker.publish(it.pool, aJob("old", {}, { mode: "request" }));
    await eventually(async () => expect((await it.broker.depth(it.pool)).ready).toBe(0));
    const { done } = await work(it.broker, it.pool);
    await it.broker.publish(it.pool, aJob("new", {}, { mode: "request" }));
    await eventually(() => expect(ids(done)).toEqual(["new"]));
  });

  test("a request that fails is not retried", async () => {
    await using it = await setUp({ mode: "request" });
    const { seen, done } = await work(it.broker, it.pool);
    await it.broker.publish(it.pool, aJob("a", { fails: 1 }, { mode: "request" }));
    await it.broker.publish(it.pool, aJob("b", {}, { mode: "request" }));
    await eventually(() => expect(ids(done)).toEqual(["b"]));
    await eventually(async () => expect(await it.broker.depth(it.pool)).toMatchObject({ ready: 0, dead: 0 }));
    expect(ids(seen).sort()).toEqual(["a", "b"]);
  });
};
