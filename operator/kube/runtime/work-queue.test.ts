import { describe, expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { silentLog } from "#process";
import { eventually } from "#testing";
import { manualClock } from "./manual-clock.ts";
import { startWorkQueue, type PassOutcome, type WorkQueueOptions } from "./work-queue.ts";

type Pass = (key: string) => Promise<PassOutcome>;

const start = (pass: Pass, options: Partial<WorkQueueOptions> = {}) =>
  startWorkQueue(pass, { log: silentLog(), backoff: { minMs: 5, maxMs: 20 }, ...options });

/** A queue on a clock of its own, and at which moments each key was looked at. */
const timed = (pass: Pass, options: Partial<WorkQueueOptions> = {}) => {
  const clock = manualClock();
  const looks: [key: string, at: number][] = [];
  const queue = start(
    async (key) => {
      looks.push([key, clock.now()]);
      return pass(key);
    },
    { clock, random: () => 1, backoff: { minMs: 200, maxMs: 30_000 }, ...options },
  );
  return { clock, looks, queue, at: () => looks.map(([, at]) => at) };
};

const fails: Pass = () => Promise.reject(new Error("broken"));

test("a key is never looked at twice at once, and once more if it was added meanwhile", async () => {
  let running = 0;
  let most = 0;
  let passes = 0;
  const gate = Promise.withResolvers<void>();
  await using queue = start(async () => {
    most = Math.max(most, ++running);
    passes++;
    if (passes === 1) await gate.promise;
    running--;
    return {};
  });
  for (let i = 0; i < 10; i++) queue.add("a");
  gate.resolve();
  await eventually(() => expect(passes).toBe(2));
  expect(most).toBe(1);
});

test("other keys do not wait", async () => {
  const seen: string[] = [];
  const gate = Promise.withResolvers<void>();
  await using queue = start(async (key) => {
    seen.push(key);
    if (key === "slow") await gate.promise;
    return {};
  });
  queue.add("slow");
  queue.add("other");
  await eventually(() => expect(seen).toEqual(["slow", "other"]));
  gate.resolve();
});

test("no more keys than `concurrency` are in work, and the others follow in order", async () => {
  const seen: string[] = [];
  const gates = new Map<string, PromiseWithResolvers<void>>();
  await using queue = start(
    async (key) => {
      seen.push(key);
      const gate = Promise.withResolvers<void>();
      gates.set(key, gate);
      await gate.promise;
      return {};
    },
    { concurrency: 2 },
  );
  for (const key of ["a", "b", "c", "d", "c"]) queue.add(key);
  expect(seen).toEqual(["a", "b"]);
  gates.get("b")?.resolve();
  await eventually(() => expect(seen).toEqual(["a", "b", "c"]));
  gates.get("a")?.resolve();
  gates.get("c")?.resolve();
  await eventually(() => expect(seen).toEqual(["a", "b", "c", "d"]));
  gates.get("d")?.resolve();
});

test("a pass that throws is repeated until it does not", async () => {
  let passes = 0;
  await using queue = start(async () => {
    if (++passes < 4) throw new Error("not yet");
    return {};
  });
  queue.add("a");
  await eventually(() => expect(passes).toBe(4));
});

test("a pass that asks for it is repeated later", async () => {
  let passes = 0;
  await using queue = start(async () => (++passes < 3 ? { requeueAfterMs: 1 } : {}));
  queue.add("a");
  await eventually(() => expect(passes).toBe(3));
});

test("disposing waits for the pass under way and starts no more", async () => {
  let isDone = false;
  let passes = 0;
  const gate = Promise.withResolvers<void>();
  const queue = start(async () => {
    passes++;
    await gate.promise;
    isDone = true;
    return { requeueAfterMs: 0 };
  });
  queue.add("a");
  queue.add("a");
  const disposed = queue[Symbol.asyncDispose]();
  gate.resolve();
  await disposed;
  expect(isDone).toBe(true);
  queue.add("a");
  expect(passes).toBe(1);
});

describe("when a key is looked at", () => {
  test("`requeueAfterMs` after it was done, sooner if it is added", async () => {
    const { clock, queue, at } = timed(async () => ({ requeueAfterMs: 1000 }));
    await using _ = queue;
    queue.add("a");
    await clock.pass(1500);
    queue.add("a");
    await clock.pass(1200);
    expect(at()).toEqual([0, 1000, 1500, 2500]);
  });

  test("of several moments asked for, the earliest counts, and counts once", async () => {
    const { clock, queue, at } = timed(async () => ({}));
    await using _ = queue;
    queue.addAfter("a", 500);
    queue.addAfter("a", 100);
    queue.addAfter("a", 300);
    await clock.pass(1000);
    expect(at()).toEqual([100]);
  });

  test("after failures in a row: at doubled distances, up to the most", async () => {
    const { clock, queue, at } = timed(fails, { backoff: { minMs: 200, maxMs: 1000 } });
    await using _ = queue;
    queue.add("a");
    await clock.pass(4500);
    expect(at()).toEqual([0, 200, 600, 1400, 2400, 3400, 4400]);
  });

  test("jitter: half the distance at least", async () => {
    const { clock, queue, at } = timed(fails, { random: () => 0 });
    await using _ = queue;
    queue.add("a");
    await clock.pass(350);
    expect(at()).toEqual([0, 100, 300]);
  });

  test("the backoff starts anew after a success", async () => {
    let passes = 0;
    const { clock, queue, at } = timed(async () => {
      if (++passes === 3) return { requeueAfterMs: 5000 };
      throw new Error("broken");
    });
    await using _ = queue;
    queue.add("a");
    await clock.pass(5850);
    expect(at()).toEqual([0, 200, 600, 5600, 5800]);
  });

  test("what is added in its backoff, after a second, is looked at at once", async () => {
    const { clock, queue, at } = timed(fails, { backoff: { minMs: 30_000, maxMs: 30_000 } });
    await using _ = queue;
    queue.add("a");
    await clock.pass(5000);
    queue.add("a");
    await clock.pass(29_000);
    expect(at()).toEqual([0, 5000]);
    await clock.pass(1000);
    expect(at()).toEqual([0, 5000, 35_000]);
  });

  test("what fails and is added all the time is looked at once a second", async () => {
    const { clock, queue, at } = timed(fails, { backoff: { minMs: 30_000, maxMs: 30_000 } });
    await using _ = queue;
    for (let i = 0; i < 90; i++) {
      queue.add("a");
      await clock.pass(30);
    }
    expect(at()).toEqual([0, 1000, 2000]);
  });

  test("what its own failing pass adds is looked at once a second", async () => {
    const { clock, queue, at } = timed(
      async (key) => {
        queue.add(key);
        throw new Error("broken");
      },
      { backoff: { minMs: 30_000, maxMs: 30_000 } },
    );
    await using _ = queue;
    queue.add("a");
    await clock.pass(2500);
    expect(at()).toEqual([0, 1000, 2000]);
  });

  test("all keys' retries share one rate, an `add` does not wait for it", async () => {
    const { clock, looks, queue } = timed(fails, { retries: { perSecond: 1, burst: 2 } });
    await using _ = queue;
    for (const key of ["a", "b", "c", "d"]) queue.add(key);
    await clock.pass(1500);
    queue.add("d");
    await clock.pass(0);
    expect(looks.slice(4)).toEqual([
      ["a", 200],
      ["b", 200],
      ["c", 1000],
      ["d", 1500],
    ]);
  });
});

test("metrics have the names, labels and values that controller-runtime's dashboards ask for", async () => {
  const registry = new Registry();
  const gate = Promise.withResolvers<void>();
  const { clock, queue } = timed(
    async (key) => {
      if (key === "bad") throw new Error("broken");
      await gate.promise;
      return {};
    },
    { registry, name: "things", concurrency: 1 },
  );
  queue.add("bad");
  await clock.pass(100);
  queue.add("slow");
  queue.add("next");
  await clock.pass(3000);
  expect(queue.longestRunning()).toEqual({ key: "slow", ms: 3000 });
  gate.resolve();
  await clock.pass(0);
  await queue[Symbol.asyncDispose]();
  const text = await registry.metrics();
  const labels = 'name="things",controller="things"';
  for (const line of [
    `workqueue_adds_total{${labels}} 4`,
    `workqueue_retries_total{${labels}} 2`,
    `workqueue_depth{${labels}} 0`,
    `workqueue_queue_duration_seconds_count{${labels}} 4`,
    `workqueue_queue_duration_seconds_sum{${labels}} 5.9`,
    `workqueue_work_duration_seconds_bucket{le="10",${labels}} 4`,
    `workqueue_work_duration_seconds_sum{${labels}} 3`,
    `workqueue_unfinished_work_seconds{${labels}} 0`,
    `workqueue_longest_running_processor_seconds{${labels}} 0`,
  ])
    expect(text).toContain(line);
});
