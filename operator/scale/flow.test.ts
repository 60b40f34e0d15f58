import { expect, test } from "@jest/globals";
import { advance, arrivalRate, initialFlow, oldestWaitMs, runSeconds, type Flow } from "./flow.ts";
import type { WorkerLoad } from "./model.ts";

/** The flow after a look each second, the last at `until`. */
const after = (
  until: number,
  look: (second: number) => Partial<WorkerLoad>,
  from: Flow = initialFlow,
  since = 0,
): Flow =>
  Array.from({ length: until - since + 1 }, (_, index) => since + index).reduce(
    (flow, second) => advance(flow, { at: second * 1000, ready: 0, unacked: 0, ...look(second) }),
    from,
  );

test.each<[string, number | undefined, Flow]>([
  ["what comes each second", 50, after(30, () => ({ inRate: 50 }))],
  ["not a burst", 50, after(30, (second) => ({ inRate: second === 20 ? 9000 : 50 }))],
  ["not a moment's silence", 50, after(30, (second) => ({ inRate: second > 20 && second < 25 ? 0 : 50 }))],
  ["what has come for the better part of 25 s", 80, after(30, (second) => ({ inRate: second > 15 ? 80 : 50 }))],
  ["unknown before 15 s", undefined, after(14, () => ({ inRate: 50 }))],
  [
    "unknown after a gap",
    undefined,
    after(
      50,
      () => ({ inRate: 50 }),
      after(30, () => ({ inRate: 50 })),
      42,
    ),
  ],
])("the arrival rate is %s", (_what, expected, flow) => expect(arrivalRate(flow)).toBe(expected));

test.each<[string, number, Flow, number]>([
  ["nothing, where nothing waits", 0, after(100, () => ({ inRate: 5, outRate: 5 })), 0],
  ["since the queue was first seen, where it was there before", 100_000, after(100, () => ({ ready: 9 })), 9],
  ["since its job came, in order", 10_000, after(100, () => ({ ready: 22, inRate: 2, outRate: 2 })), 22],
  [
    "since the snapshots came back",
    8000,
    after(
      50,
      () => ({ ready: 9 }),
      after(30, () => ({ ready: 9 })),
      42,
    ),
    9,
  ],
])("the oldest job has waited: %s", (_what, expected, flow, ready) => expect(oldestWaitMs(flow, ready)).toBe(expected));

test("after hours the oldest job's age is still known, if less exactly, and little is kept for it", () => {
  const flow = after(7200, () => ({ ready: 7200, inRate: 2, outRate: 1 }));
  const hours = oldestWaitMs(flow, 7200) / 3_600_000;
  expect(hours).toBeGreaterThan(0.9);
  expect(hours).toBeLessThanOrEqual(1);
  expect(flow.marks.length).toBeLessThanOrEqual(250);
});

test.each<[string, number | undefined, Flow]>([
  ["how long hands were full for each that ended", 4, after(60, () => ({ unacked: 20, outRate: 5 }))],
  ["unknown while none has ended", undefined, after(60, () => ({ unacked: 20 }))],
])("seconds in a hand: %s", (_what, expected, flow) => {
  const seconds = runSeconds(flow);
  if (expected === undefined) expect(seconds).toBeUndefined();
  else expect(seconds).toBeCloseTo(expected);
});
