import { expect, test } from "@jest/globals";
import { completeUpTo } from "./marks.ts";

const kept = { start: 1, known: 0, rooms: [], left: [], givenUpTo: 0, given: [] };

test.each([
  ["its node has marked nothing", { asOf: 10, marked: 0 }, 0, 10],
  ["its node's mark is of before it was written, when it was behind", { asOf: 10, marked: 20 }, 20, 10],
  ["its node has marked since", { asOf: 10, marked: 20 }, 21, 21],
  ["its node has marked less than it says itself", { asOf: 10, marked: 0 }, 5, 10],
])("where %s, its rooms are complete up to the right place", (_where, it, upTo, expected) => {
  const marks = { epoch: "e", upTo: new Map([["node", upTo]]) };
  expect(completeUpTo({ epoch: "e", ...kept, ...it }, "node", marks)).toBe(expected);
});

test("marks of another node, or of another epoch, tell nothing of it", () => {
  const it = { epoch: "e", ...kept, asOf: 10, marked: 0 };
  const upTo = new Map([["node", 20]]);
  expect(completeUpTo(it, "", { epoch: "e", upTo })).toBe(10);
  expect(completeUpTo(it, "node", { epoch: "f", upTo })).toBe(10);
});
