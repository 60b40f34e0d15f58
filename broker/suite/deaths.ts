import { expect, test } from "@jest/globals";
import { eventually } from "#testing";
import { aJob, aPool, gate, ids, numbered, publishAll, work, type Stage, type SuiteOptions } from "./fixture.ts";

/** Workers that die, stop and hand back. */
export const describeDeaths = ({ setUp, spawnWorker, uri }: Stage, options: SuiteOptions): void => {
  test("a worker killed in mid-job: its job is the next to be run, by another", async () => {
    await using it = await setUp({ concurrency: 1 });
    await using worker = await spawnWorker(uri(), it.cluster, it.pool);
    await it.broker.publish(it.pool, aJob("first", { hang: true }));
    await eventually(() =>
      expect(worker.messages).toContainEqual(expect.objectContaining({ what: "start", id: "first", attempt: 1 })),
    );
    for (const id of numbered("waiting", 5)) await it.broker.publish(it.pool, aJob(id));
    await worker.kill("SIGKILL");
    await eventually(async () => expect((await it.broker.depth(it.pool)).ready).toBe(6), { timeoutMs: 30_000 });
    const { done } = await work(it.other, it.pool, () => Promise.resolve({ kind: "done" }));
    await eventually(() => expect(ids(done)).toEqual(["first", ...numbered("waiting", 5)]));
    expect(done.map(({ attempt }) => attempt)).toEqual([2, 1, 1, 1, 1, 1]);
  });

  test("a job whose workers die as often as attempts allow is dead, as lost", async () => {
    await using it = await setUp({ concurrency: 1, retry: { ...aPool().retry, attempts: 1 } });
    {
      await using worker = await spawnWorker(uri(), it.cluster, it.pool);
      await it.broker.publish(it.pool, aJob("deadly", { hang: true }));
      await eventually(() => expect(worker.messages).toHaveLength(2));
    }
    const { seen } = await work(it.other, it.pool);
    await eventually(
      async () =>
        expect(await it.broker.deadLetters(it.pool, 10)).toMatchObject([{ reason: "lost", job: { id: "deadly" } }]),
      { timeoutMs: 30_000 },
    );
    expect(seen).toEqual([]);
  });

  test("a released job is the next to be run", async () => {
    await using it = await setUp({ concurrency: 1 });
    const giveUp = gate();
    const stopping = await work(it.broker, it.pool, async () => {
      await giveUp.promise;
      return { kind: "release" };
    });
    for (const id of ["a", "b", "c"]) await it.broker.publish(it.pool, aJob(id));
    await eventually(() => expect(stopping.seen).toHaveLength(1));
    await stopping.consumption.stop();
    giveUp.resolve();
    await eventually(async () => expect((await it.broker.depth(it.pool)).ready).toBe(3));
    const { done } = await work(it.other, it.pool);
    await eventually(() => expect(ids(done)).toEqual(["a", "b", "c"]));
    expect(done.map(({ attempt }) => attempt)).toEqual([options.releaseCounts === true ? 2 : 1, 1, 1]);
  });

  test("a lost job is the next to be run, as the next attempt", async () => {
    await using it = await setUp({ concurrency: 1, retry: { ...aPool().retry, attempts: 2 } });
    const lose = async () => {
      const gone = gate();
      const { seen, consumption } = await work(it.broker, it.pool, async () => {
        await gone.promise;
        return { kind: "lost" };
      });
      await eventually(() => expect(seen).toHaveLength(1));
      await consumption.stop();
      gone.resolve();
      await eventually(async () => expect((await it.broker.depth(it.pool)).ready).toBe(3));
      await consumption[Symbol.asyncDispose]();
      return seen;
    };
    for (const id of ["a", "b", "c"]) await it.broker.publish(it.pool, aJob(id));
    expect(await lose()).toMatchObject([{ job: { id: "a" }, attempt: 1 }]);
    const { done } = await work(it.other, it.pool);
    await eventually(() => expect(ids(done)).toEqual(["a", "b", "c"]));
    expect(done.map(({ attempt }) => attempt)).toEqual([2, 1, 1]);
  });

  test("a release does not use up the last attempt", async () => {
    await using it = await setUp({ concurrency: 1, retry: { ...aPool().retry, attempts: 1 } });
    let released = 0;
    const { done } = await work(it.broker, it.pool, () =>
      Promise.resolve(released++ < 3 ? { kind: "release" } : { kind: "done" }),
    );
    await it.broker.publish(it.pool, aJob("a"));
    await eventually(() => expect(done).toMatchObject([{ attempt: 1, job: { id: "a" } }]));
    expect(await it.broker.deadLetters(it.pool, 10)).toEqual([]);
  });

  test("a worker that stops takes no more, and what it has in hand still settles", async () => {
    await using it = await setUp({ concurrency: 3 });
    const finish = gate();
    const stopping = await work(it.broker, it.pool, async () => {
      await finish.promise;
      return { kind: "done" };
    });
    await publishAll(it.broker, it.pool, numbered("early", 10));
    await eventually(() => expect(stopping.seen).toHaveLength(3));
    await stopping.consumption.stop();
    await publishAll(it.broker, it.pool, numbered("late", 10));
    const rest = await work(it.other, it.pool);
    await eventually(() => expect(rest.done).toHaveLength(17));
    expect(stopping.seen).toHaveLength(3);
    finish.resolve();
    await eventually(() => expect(stopping.done).toHaveLength(3));
    await stopping.consumption[Symbol.asyncDispose]();
    await it.broker[Symbol.asyncDispose]();
    await eventually(async () => expect((await it.other.depth(it.pool)).ready).toBe(0));
    expect(new Set([...ids(stopping.seen), ...ids(rest.seen)]).size).toBe(20);
    expect(rest.seen).toHaveLength(17);
  });

  test("a worker that is disposed hands back what it has in hand, to be run first", async () => {
    await using it = await setUp({ concurrency: 3 });
    const going = await work(it.broker, it.pool, () => new Promise(() => {}));
    for (const id of ["a", "b", "c", "d"]) await it.other.publish(it.pool, aJob(id));
    await eventually(() => expect(ids(going.seen).sort()).toEqual(["a", "b", "c"]));
    await going.consumption[Symbol.asyncDispose]();
    await eventually(async () => expect((await it.other.depth(it.pool)).ready).toBe(4));
    const { done } = await work(it.other, { ...it.pool, concurrency: 1 });
    await eventually(() => expect(done).toHaveLength(4));
    expect(ids(done).at(-1)).toBe("d");
  });
};
