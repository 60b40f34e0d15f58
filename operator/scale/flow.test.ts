import { describe, expect, test } from "@jest/globals";
import { advance, arrivalRate, fullSeconds, initialFlow, oldestWaitMs, runSeconds, type Flow } from "./flow.ts";
import type { WorkerLoad } from "./model.ts";

/** The flow after a look each second, the last at `until`. */
const after = (
  until: number,
  look: (second: number) => Partial<WorkerLoad>,
  from: Flow = initialFlow,
  since = 0,
  hands = 0,
): Flow =>
  Array.from({ length: until - since + 1 }, (_, index) => since + index).reduce(
    (flow, second) => advance(flow, { at: second * 1000, ready: 0, unacked: 0, ...look(second) }, hands),
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

describe("seconds that a job takes of full hands", () => {
  /** A minute in which 20 hands end 100 jobs a second, and no report has one in hand. */
  const full = (waits: Partial<WorkerLoad> = { ready: 9 }) =>
    after(60, () => ({ outRate: 100, ...waits }), initialFlow, 0, 20);

  test.each<[string, number | undefined, Flow]>([
    ["all hands while jobs wait for one", 0.2, full()],
    ["not seen while none waits", undefined, full({ ready: 0 })],
    ["not seen while all that wait wait for something else", undefined, full({ ready: 9, blocked: 9 })],
    ["not changed by hands that came meanwhile", 0.2, after(61, () => ({ ready: 9, outRate: 100 }), full(), 61, 40)],
    [
      "told anew by the next minute",
      0.4,
      after(600, (second) => ({ ready: second > 480 ? 9 : 0, outRate: 50 }), full(), 61, 20),
    ],
    ["taken to be half of that after an hour without", 0.1, after(3660, () => ({ outRate: 1 }), full(), 61, 20)],
  ])("%s", (_what, expected, flow) => {
    const seconds = fullSeconds(flow);
    if (expected === undefined) expect(seconds).toBeUndefined();
    else expect(seconds).toBeCloseTo(expected);
  });
});
