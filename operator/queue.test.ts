import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { silentLog } from "#process";
import { eventually } from "#testing";
import { startQueue, type PassOutcome } from "./queue.ts";

const start = (pass: (key: string) => Promise<PassOutcome>) =>
  startQueue(pass, { log: silentLog(), backoff: { minMs: 5, maxMs: 20 } });

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
  const queue = start(async () => {
    passes++;
    await delay(20);
    isDone = true;
    return { requeueAfterMs: 0 };
  });
  queue.add("a");
  queue.add("a");
  await queue[Symbol.asyncDispose]();
  expect(isDone).toBe(true);
  queue.add("a");
  expect(passes).toBe(1);
});
