import { expect, test } from "@jest/globals";
import { setImmediate } from "node:timers/promises";
import { eventually } from "#testing";
import { watchLag } from "./lag.ts";

/** Keeps the event loop from turning for so long, time after time. */
const block = async (ms: number, until: () => boolean): Promise<void> => {
  while (!until()) {
    for (const end = performance.now() + ms; performance.now() < end;);
    await setImmediate();
  }
};

test("an event loop that is kept busy is late by as much", async () => {
  using lag = watchLag(200);
  expect(lag.ms()).toBeUndefined();
  let isOver = false;
  const busy = block(120, () => isOver);
  await eventually(() => expect(lag.ms()).toBeGreaterThan(60));
  isOver = true;
  await busy;
});
