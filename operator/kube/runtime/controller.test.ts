import { expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { silentLog } from "#process";
import { startController } from "./controller.ts";
import { manualClock } from "./manual-clock.ts";

test("passes are counted and timed under controller-runtime's names", async () => {
  const clock = manualClock();
  const registry = new Registry();
  await using controller = startController({
    name: "things",
    log: silentLog(),
    registry,
    clock,
    random: () => 1,
    pass: async (key) => {
      if (key === "bad") throw new Error("broken");
      return key === "later" ? { requeueAfterMs: 60_000 } : {};
    },
  });
  for (const key of ["good", "better", "later", "bad"]) controller.add(key);
  await clock.pass(250);
  const text = await registry.metrics();
  for (const line of [
    'controller_runtime_reconcile_total{controller="things",result="success"} 2',
    'controller_runtime_reconcile_total{controller="things",result="requeue_after"} 1',
    'controller_runtime_reconcile_total{controller="things",result="requeue"} 0',
    'controller_runtime_reconcile_total{controller="things",result="error"} 2',
    'controller_runtime_reconcile_errors_total{controller="things"} 2',
    'controller_runtime_reconcile_time_seconds_count{controller="things"} 5',
    'controller_runtime_active_workers{controller="things"} 0',
    'controller_runtime_max_concurrent_reconciles{controller="things"} 4',
  ])
    expect(text).toContain(line);
});

test("while it may not act, no pass runs; later it does", async () => {
  const clock = manualClock();
  let mayAct = false;
  let passes = 0;
  await using controller = startController({
    name: "things",
    log: silentLog(),
    clock,
    mayAct: () => mayAct,
    pass: async () => {
      passes += 1;
      return {};
    },
  });
  controller.add("a");
  await clock.pass(300);
  expect(passes).toBe(0);
  mayAct = true;
  await clock.pass(500);
  expect(passes).toBe(1);
});
