import { setTimeout as wait } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { eventually } from "#testing";
import { aJob, gate, ids, numbered, publishAll, work, type Stage, type SuiteOptions } from "./fixture.ts";

/** Jobs on their way, with everyone well. */
export const describeJobs = ({ setUp }: Stage, { promises }: SuiteOptions): void => {
  test("a job arrives as it was sent, as its first attempt", async () => {
    await using it = await setUp();
    const job = aJob("a", {}, { payload: { deep: [1, null, "ü"], bytes: Buffer.from([0, 255]) }, key: "k" });
    const { seen } = await work(it.broker, it.pool, () => Promise.resolve({ kind: "done" }));
    expect(await it.other.publish(it.pool, job)).toEqual({ durable: promises.durable });
    await eventually(() => expect(seen).toHaveLength(1));
    expect(seen[0]).toMatchObject({ attempt: 1, job: { id: "a", event: "event", user: "ann", key: "k" } });
    expect(seen[0]?.job.payload).toEqual(job.payload);
  });

  test("a job without a payload arrives without one", async () => {
    await using it = await setUp();
    const { payload: _none, ...job } = aJob("a");
    const { seen } = await work(it.broker, it.pool, () => Promise.resolve({ kind: "done" }));
    await it.other.publish(it.pool, job);
    await eventually(() => expect(seen).toHaveLength(1));
    expect(seen[0]?.job).toEqual(job);
  });

  test("jobs wait for a worker, are counted while they wait, and run in order", async () => {
    await using it = await setUp({ concurrency: 1 });
    for (const id of numbered("job", 10)) await it.broker.publish(it.pool, aJob(id));
    await eventually(async () => expect(await it.broker.depth(it.pool)).toMatchObject({ ready: 10, dead: 0 }));
    const { done } = await work(it.other, it.pool);
    await eventually(() => expect(ids(done)).toEqual(numbered("job", 10)));
    await eventually(async () => expect(await it.broker.depth(it.pool)).toMatchObject({ ready: 0, dead: 0 }));
  });

  test("no more runs at once than the pool's concurrency", async () => {
    await using it = await setUp({ concurrency: 3 });
    let running = 0;
    let most = 0;
    const { done } = await work(it.broker, it.pool, async () => {
      most = Math.max(most, ++running);
      await wait(10);
      running--;
      return { kind: "done" };
    });
    await publishAll(it.broker, it.pool, numbered("job", 30));
    await eventually(() => expect(done).toHaveLength(30));
    expect(most).toBe(3);
  });

  test("an idle worker gets the next job at once, while another is busy", async () => {
    await using it = await setUp({ concurrency: 1 });
    const finish = gate();
    const busy = await work(it.broker, it.pool, async () => {
      await finish.promise;
      return { kind: "done" };
    });
    await it.broker.publish(it.pool, aJob("long"));
    await eventually(() => expect(busy.seen).toHaveLength(1));
    const idle = await work(it.other, it.pool);
    for (const id of numbered("short", 10)) await it.broker.publish(it.pool, aJob(id));
    await eventually(() => expect(ids(idle.done)).toEqual(numbered("short", 10)));
    expect(ids(busy.seen)).toEqual(["long"]);
    finish.resolve();
    await eventually(() => expect(busy.done).toHaveLength(1));
  });

  test("declaring again, by many at once, is safe and changes nothing", async () => {
    await using it = await setUp();
    await it.broker.publish(it.pool, aJob("a"));
    await Promise.all([it.broker, it.other, it.broker].map((broker) => broker.declare([it.pool])));
    expect((await eventually(() => it.broker.depth(it.pool))).ready).toBe(1);
  });
};
