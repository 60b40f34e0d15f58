import { describe, expect, test } from "@jest/globals";
import { drainFor, drainPlan } from "#crds";
import { dueAt, mostPerSecond, paceWithin, shareOf, type Budget } from "./pace.ts";

describe("a gateway's share of the cluster's pace", () => {
  const budget = (change: Partial<Budget> = {}): Budget => ({
    perSecond: 100,
    own: 300,
    others: [],
    gateways: 4,
    isHeard: true,
    ...change,
  });
  test.each<[string, Budget, number]>([
    ["alone it has all of it", budget(), 100],
    ["with others it is by what each has to close", budget({ others: [600, 100] }), 30],
    ["one that is done leaves it to the others", budget({ others: [0] }), 100],
    ["who has nothing to close needs none", budget({ own: 0, others: [5] }), 0],
    ["unheard, each takes what it had if all closed", budget({ others: [600], isHeard: false }), 25],
    ["unheard and alone", budget({ gateways: 0, isHeard: false }), 100],
  ])("%s", (_then, given, share) => {
    expect(shareOf(given)).toBeCloseTo(share);
  });
});

describe("the grace wins over the pace", () => {
  test.each([
    ["there is time enough", 10, 100, 60_000, 10],
    ["there is not", 10, 1000, 10_000, 100],
    ["it is over", 10, 1, 0, Number.POSITIVE_INFINITY],
  ])("%s", (_given, share, left, remainingMs, pace) => {
    expect(paceWithin(share, left, remainingMs)).toBe(pace);
  });
});

describe("how many are closed in a step", () => {
  test.each([
    ["what the pace allows", [100, 50, 0, 1000], { count: 5, rest: 0 }],
    ["fractions wait for the next", [10, 50, 0.75, 1000], { count: 1, rest: 0.25 }],
    ["never more than are left", [100, 50, 0, 2], { count: 2, rest: 1 }],
    ["a pause of the process is no burst", [100, 60_000, 0, 1000], { count: 25, rest: 0 }],
    ["all where there is no time", [Number.POSITIVE_INFINITY, 0, 0, 7], { count: 7, rest: 0 }],
  ] as const)("%s", (_then, [pace, elapsedMs, rest, left], due) => {
    expect(dueAt(pace, elapsedMs, rest, left)).toEqual(due);
  });
});

test.each([
  [[], 0],
  [[5], 1],
  [[0, 999, 1000], 2],
  [[0, 600, 700, 1500, 1600, 1601], 4],
])("of %j, the most within a second are %d", (times, most) => {
  expect(mostPerSecond(times)).toBe(most);
});

describe("a plan", () => {
  test.each([
    [
      { graceSeconds: 60, reconnectsPerSecond: 200 },
      { settledMs: 5000, closedMs: 48_000, endMs: 60_000, capacity: 7383 },
    ],
    [
      { graceSeconds: 5, reconnectsPerSecond: 2000 },
      { settledMs: 1000, closedMs: 4000, endMs: 5000, capacity: 5731 },
    ],
    [
      { graceSeconds: 1, reconnectsPerSecond: 1 },
      { settledMs: 200, closedMs: 800, endMs: 1000, capacity: 0 },
    ],
  ])("of %j", (drain, plan) => {
    expect(drainPlan(drain)).toMatchObject(plan);
  });
});

describe("either field alone can be made to do", () => {
  test.each([1, 100, 1000, 7384, 10_000, 1_000_000])("for %d connections", (connections) => {
    for (const drain of [
      { graceSeconds: 60, reconnectsPerSecond: 200 },
      { graceSeconds: 10, reconnectsPerSecond: 5 },
    ]) {
      const { graceSeconds, reconnectsPerSecond } = drainFor(connections, drain);
      expect(drainPlan({ ...drain, graceSeconds }).capacity).toBeGreaterThanOrEqual(connections);
      expect(drainPlan({ ...drain, reconnectsPerSecond }).capacity).toBeGreaterThanOrEqual(connections);
    }
  });
});
