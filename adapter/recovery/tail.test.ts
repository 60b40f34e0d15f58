import { describe, expect, test } from "@jest/globals";
import type { Entry } from "./entry.ts";
import { Tail } from "./tail.ts";

const LIMITS = { maxMessages: 5, maxBytes: 1000 };
const entry = (index: number, rooms: string[], nsp = "/"): Entry => ({
  index,
  size: 1,
  sender: "",
  number: index,
  nsp,
  message: { kind: "broadcast", to: { rooms: new Set(rooms) }, frames: [] },
});

describe("of 5 entries that are kept of 7", () => {
  const dropped: number[] = [];
  const tail = new Tail(({ index }) => dropped.push(index));
  const all = [
    entry(1, ["a"]),
    entry(2, ["b"]),
    entry(3, ["a", "b"]),
    entry(4, []),
    entry(5, ["a"], "/other"),
    entry(6, ["c"]),
    entry(7, ["a"]),
  ];
  for (const it of all) tail.push(it, LIMITS);

  test("the oldest are dropped", () => {
    expect([dropped, tail.floor, tail.last]).toEqual([[1, 2], 2, 7]);
  });
  test.each([
    [["a"], 0, 9, [3, 4, 7]],
    [["a", "b"], 0, 9, [3, 4, 7]],
    [["a", "c"], 4, 9, [6, 7]],
    [["a", "c"], 0, 2, [3, 4]],
    [["x"], 0, 9, [4]],
    [["c"], 6, 9, []],
  ])("to %j behind %d, at most %d: %j", (rooms, index, limit, expected) => {
    expect(tail.said("/", rooms, index, limit).map((it) => it.index)).toEqual(expected);
  });
  test("another namespace's are its own", () => {
    expect(tail.said("/other", ["a"], 0, 9).map((it) => it.index)).toEqual([5]);
    expect(tail.said("/none", ["a"], 0, 9)).toEqual([]);
  });
});

test("cleared, it holds nothing for anybody", () => {
  const tail = new Tail(() => {});
  for (const index of [1, 2, 3]) tail.push(entry(index, ["a"]), LIMITS);
  tail.clear(9);
  expect(tail.said("/", ["a"], 0, 9)).toEqual([]);
  tail.push(entry(10, ["a"]), LIMITS);
  expect(tail.said("/", ["a"], 0, 9).map((it) => it.index)).toEqual([10]);
});
