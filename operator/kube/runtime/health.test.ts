import { expect, test } from "@jest/globals";
import { silentLog } from "#process";
import { notStuck, standsForLeader, startsInTime } from "./health.ts";
import { runLeaderElected } from "./leader-election.ts";
import { manualClock } from "./manual-clock.ts";
import { memoryClient } from "./memory-client.ts";
import { startWorkQueue } from "./work-queue.ts";

test("a key that is in work for minutes is not healthy, until it is done", async () => {
  const clock = manualClock();
  const gate = Promise.withResolvers<void>();
  await using queue = startWorkQueue(
    async () => {
      await gate.promise;
      return {};
    },
    { log: silentLog(), clock },
  );
  const check = notStuck(queue);
  queue.add("shop/a");
  await clock.pass(299_000);
  expect(check()).toBeUndefined();
  await clock.pass(1000);
  expect(check()).toBe("shop/a has been in work for 300 s");
  gate.resolve();
  await clock.pass(0);
  expect(check()).toBeUndefined();
});

test("a leader's loop that tries is healthy, whatever the server answers; one that stands still is not", async () => {
  const clock = manualClock();
  const client = memoryClient();
  client.intercept(() => new Promise(() => {}));
  await using candidate = runLeaderElected({
    client,
    lease: { namespace: "default", name: "work" },
    identity: "a",
    log: silentLog(),
    clock,
    onLead: () => new AsyncDisposableStack(),
  });
  const check = standsForLeader(candidate);
  await clock.pass(300_000);
  expect(check()).toBeUndefined();
  clock.leap(60_000);
  expect(check()).toMatch(/^leader election has not tried for \d\d s$/);
  client.intercept(() => {});
  await clock.pass(60_000);
});

test("a leader that does not get to know what there is within minutes is not ready, until it does", async () => {
  const clock = manualClock();
  const listed = Promise.withResolvers<void>();
  await using candidate = runLeaderElected({
    client: memoryClient(),
    lease: { namespace: "default", name: "work" },
    identity: "a",
    log: silentLog(),
    clock,
    onLead: async () => {
      await listed.promise;
      return new AsyncDisposableStack();
    },
  });
  const check = startsInTime(candidate);
  await clock.pass(119_000);
  expect(check()).toBeUndefined();
  await clock.pass(1000);
  expect(check()).toBe("leads, and has not listed everything for 120 s");
  listed.resolve();
  await clock.pass(0);
  expect(check()).toBeUndefined();
});
