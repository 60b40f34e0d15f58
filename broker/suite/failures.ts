import { expect, test } from "@jest/globals";
import { eventually } from "#testing";
import { behave } from "../testing/behave.ts";
import { aJob, aPool, ids, publishAll, work, type Stage, type SuiteOptions } from "./fixture.ts";

/** Jobs that fail, and dead letters. */
export const describeFailures = ({ setUp, uri }: Stage, { publishRaw }: SuiteOptions): void => {
  test("a job that fails three times with backoff, then succeeds", async () => {
    await using it = await setUp();
    const at: number[] = [];
    const { seen, done } = await work(it.broker, it.pool, (delivery) => {
      at.push(performance.now());
      return behave(it.pool, delivery);
    });
    await it.other.publish(it.pool, aJob("a", { fails: 3 }));
    await eventually(() => expect(done).toHaveLength(1), { timeoutMs: 20_000 });
    expect(seen.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
    const waits = at.slice(1).map((time, index) => time - (at[index] ?? 0));
    [100, 200, 400].forEach((backoff, index) => expect(waits[index]).toBeGreaterThan(backoff * 0.9));
    expect(await it.broker.depth(it.pool)).toMatchObject({ dead: 0 });
  });

  test("a job that waits for its retry is counted and does not hold up the others", async () => {
    await using it = await setUp({
      concurrency: 1,
      retry: { attempts: 2, backoffSeconds: 2, maxBackoffSeconds: 2 },
    });
    const { done } = await work(it.broker, it.pool);
    await it.broker.publish(it.pool, aJob("late", { fails: 1 }));
    await publishAll(it.broker, it.pool, ["a", "b"]);
    await eventually(() => expect(done).toHaveLength(2));
    expect(ids(done)).not.toContain("late");
    await eventually(async () => expect(await it.broker.depth(it.pool)).toMatchObject({ ready: 1, blocked: 1 }));
    await eventually(() => expect(ids(done)).toContain("late"), { timeoutMs: 20_000 });
  });

  test("a job that never succeeds is among the dead letters, is put back from there, and runs", async () => {
    await using it = await setUp({ retry: { ...aPool().retry, attempts: 2 } });
    const failing = await work(it.broker, it.pool);
    await it.broker.publish(it.pool, aJob("a", { fails: 99 }, { key: "k" }));
    const listed = await eventually(
      async () => {
        const letters = await it.other.deadLetters(it.pool, 10);
        expect(letters).toHaveLength(1);
        return letters;
      },
      { timeoutMs: 20_000 },
    );
    expect(listed).toMatchObject([
      { reason: "failed", attempts: 2, error: "boom", pool: "pool", job: { id: "a", key: "k", user: "ann" } },
    ]);
    expect(Math.abs(Date.now() - (listed[0]?.at ?? 0))).toBeLessThan(120_000);
    await eventually(async () => expect(await it.other.deadLetters(it.pool, 10)).toEqual(listed));
    await eventually(async () => expect((await it.other.depth(it.pool)).dead).toBe(1));
    expect(ids(failing.seen)).toEqual(["a", "a"]);

    await failing.consumption[Symbol.asyncDispose]();
    const { seen } = await work(it.other, it.pool, () => Promise.resolve({ kind: "done" }));
    expect(await it.broker.redrive(it.pool)).toBe(1);
    await eventually(() => expect(seen).toMatchObject([{ attempt: 1, job: { id: "a", key: "k" } }]));
    expect(await it.broker.deadLetters(it.pool, 10)).toEqual([]);
    expect(await it.broker.redrive(it.pool)).toBe(0);
  });

  test("a rejected job is dead at once; dead letters are put back by id, the others stay in order", async () => {
    await using it = await setUp({ concurrency: 1 });
    const { seen } = await work(it.broker, it.pool);
    for (const id of ["a", "b", "c", "d"]) await it.broker.publish(it.pool, aJob(id, { reject: true }));
    await eventually(async () => expect((await it.broker.depth(it.pool)).dead).toBe(4));
    expect(ids(seen)).toEqual(["a", "b", "c", "d"]);
    const listed = await eventually(async () => {
      const letters = await it.broker.deadLetters(it.pool, 3);
      expect(letters).toHaveLength(3);
      return letters;
    });
    expect(listed.map(({ job, reason, attempts }) => [job.id, reason, attempts])).toEqual([
      ["a", "rejected", 1],
      ["b", "rejected", 1],
      ["c", "rejected", 1],
    ]);
    await eventually(async () => expect((await it.broker.depth(it.pool)).dead).toBe(4));
    expect(await it.broker.redrive(it.pool, ["b", "nobody"])).toBe(1);
    await eventually(() => expect(ids(seen)).toEqual(["a", "b", "c", "d", "b"]));
    await eventually(async () => {
      const left = (await it.broker.deadLetters(it.pool, 10)).map(({ job }) => job.id);
      expect(left).toEqual(["a", "c", "d", "b"]);
    });
  });

  if (publishRaw !== undefined)
    test("bytes that are no job are dead, as malformed, and the worker goes on", async () => {
      await using it = await setUp();
      const { done } = await work(it.broker, it.pool);
      await publishRaw({ uri: uri(), cluster: it.cluster, pool: it.pool }, Buffer.from("{not a job"));
      await it.broker.publish(it.pool, aJob("a"));
      await eventually(() => expect(ids(done)).toEqual(["a"]));
      await eventually(async () =>
        expect(await it.broker.deadLetters(it.pool, 10)).toMatchObject([{ reason: "malformed", pool: "pool" }]),
      );
    });
};
