import { describe, expect, test } from "@jest/globals";
import { createListeners } from "./listen.ts";
import { openStage } from "./stage.ts";
import { hear, judge, reached, type Heard, type Met } from "./verdict.ts";

const WHOLE = { lost: 0, doubled: 0, outOfOrder: 0, unrecovered: 0 };

test("a roll of three gateways, then one killed, under a stream of numbers: every client has each of them once, in order, and moves once at the most", async () => {
  const CLIENTS = 60;
  using crowd = createListeners();
  await using stage = await openStage(crowd, { clients: CLIENTS, reconnectsPerSecond: 20, everyMs: 100 });
  const { verdict: rolled, result } = await stage.roll();
  expect(rolled).toMatchObject({ ...WHOLE, moves: CLIENTS, movesPerClient: 1 });
  const sum = (what: "budget" | "grace" | "perSecond") => result.drains.reduce((all, it) => all + it[what], 0);
  expect([sum("budget"), sum("grace")]).toEqual([CLIENTS, 0]);
  expect(sum("perSecond")).toBeLessThanOrEqual(20);

  const { verdict: killed } = await stage.kill();
  expect(killed).toMatchObject({ ...WHOLE, movesPerClient: 1 });
  expect(killed.moves).toBeLessThan(CLIENTS);
}, 300_000);

describe("the verdict", () => {
  const heardOf = (numbers: readonly number[]): Heard | undefined => {
    const open = new Set<number>();
    return numbers.reduce<Heard | undefined>((heard, number) => hear(heard, open, number), undefined);
  };
  const met = (numbers: readonly number[], rest: Partial<Met> = {}): Met => {
    const heard = heardOf(numbers);
    return { heard: heard === undefined ? {} : { a: heard }, lost: [], back: [], unrecovered: 0, ...rest };
  };
  test.each<[string, Met[], boolean, object]>([
    ["all heard all", [met([1, 2, 3]), met([1, 2, 3])], false, WHOLE],
    ["one lost what was said in between", [met([1, 2, 3]), met([1, 3])], false, { ...WHOLE, lost: 1 }],
    ["one lost the end", [met([1, 2, 3]), met([1])], false, { ...WHOLE, lost: 2 }],
    ["one lost the beginning", [met([1, 2, 3]), met([3])], false, { ...WHOLE, lost: 2 }],
    ["one lost all", [met([1, 2, 3]), met([])], false, { ...WHOLE, lost: 3 }],
    ["one came later than the source", [met([1, 2, 3]), met([2, 3])], true, WHOLE],
    ["one heard something twice", [met([1, 2, 2, 3])], false, { ...WHOLE, doubled: 1 }],
    ["one heard something late", [met([1, 3, 2])], false, { ...WHOLE, outOfOrder: 1 }],
    ["late and twice", [met([1, 3, 2, 2])], false, { ...WHOLE, outOfOrder: 1, doubled: 1 }],
    ["one did not recover", [met([1], { unrecovered: 1 })], false, { ...WHOLE, unrecovered: 1 }],
    [
      "moves and gaps",
      [met([1], { lost: [0, 5000], back: [1000, 5500] }), met([1], { lost: [100], back: [1700] }), met([1])],
      false,
      { ...WHOLE, moves: 3, movesPerClient: 2, gapMax: 1600, reconnectsPerSecond: 2 },
    ],
    ["one is not back", [met([1], { lost: [0] })], false, { gapMax: Number.POSITIVE_INFINITY }],
  ])("%s", (_what, clients, spoke, verdict) => {
    const before = new Set(spoke ? ["a"] : []);
    expect(judge(clients, { before, upTo: reached(clients) })).toMatchObject(verdict);
  });
});
