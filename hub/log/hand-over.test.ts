import { describe, expect, test } from "@jest/globals";
import { decide, type Claim, type Former } from "./hand-over.ts";

const ON_TIME = { forAny: false, forAll: false };
const LATE = { forAny: true, forAll: true };

const line = (id: string, former: Partial<Former> = {}): Claim => ({
  id,
  former: { epoch: "e", known: 100, tail: { floor: 0, last: 100 }, members: ["a", "b"], ...former },
});
const silent = (id: string, known: number): Claim => ({
  id,
  former: { epoch: "e", known, tail: undefined, members: ["a", "b"] },
});
const tail = (floor: number, last: number) => ({ known: last, tail: { floor, last } });

describe("whether a history goes on", () => {
  test.each<[string, Claim[], typeof LATE, unknown]>([
    ["only lines without a past: they are waited for a little", [{ id: "n" }], ON_TIME, { kind: "wait" }],
    [
      "only lines without a past, late: it begins anew",
      [{ id: "n" }],
      { forAny: true, forAll: false },
      { kind: "anew" },
    ],
    ["a member is not here yet: it is waited for", [line("a")], { forAny: true, forAll: false }, { kind: "wait" }],
    ["a member did not come: nobody knows what it had", [line("a")], LATE, { kind: "anew" }],
    [
      "one that only another knows of did not come",
      [line("a"), line("b", { members: ["a", "b", "c"] })],
      LATE,
      { kind: "anew" },
    ],
    ["lines of two histories", [line("a"), line("b", { epoch: "f" })], ON_TIME, { kind: "anew" }],
    ["an entry that was confirmed to a line is nowhere", [line("a"), silent("b", 101)], ON_TIME, { kind: "anew" }],
    ["nobody keeps anything", [silent("a", 5), silent("b", 5)], ON_TIME, { kind: "anew" }],
  ])("%s", (_what, claims, isLate, expected) => {
    expect(decide(claims, isLate)).toMatchObject(expected as object);
  });

  test.each<[string, Claim[], { floor: number; parts: unknown[] }]>([
    ["all have the same", [line("a"), line("b")], { floor: 0, parts: [{ id: "a", after: 0, upTo: 100 }] }],
    [
      "a new line among them",
      [line("a"), line("b"), { id: "n" }],
      { floor: 0, parts: [{ id: "a", after: 0, upTo: 100 }] },
    ],
    ["one is ahead", [line("a"), line("b", tail(0, 107))], { floor: 0, parts: [{ id: "b", after: 0, upTo: 107 }] }],
    [
      "the one ahead begins later: it adds what follows",
      [line("a"), line("b", tail(90, 107))],
      {
        floor: 0,
        parts: [
          { id: "a", after: 0, upTo: 100 },
          { id: "b", after: 100, upTo: 107 },
        ],
      },
    ],
    [
      "what the others have does not reach the one ahead",
      [line("a"), line("b", tail(101, 107))],
      { floor: 101, parts: [{ id: "b", after: 101, upTo: 107 }] },
    ],
    [
      "one that keeps nothing knows no more",
      [line("a"), silent("b", 100)],
      { floor: 0, parts: [{ id: "a", after: 0, upTo: 100 }] },
    ],
    ["nothing was said", [line("a", tail(0, 0)), line("b", tail(0, 0))], { floor: 0, parts: [] }],
  ])("it does: %s", (_what, claims, expected) => {
    expect(decide(claims, ON_TIME)).toEqual({ kind: "take", epoch: "e", ...expected });
  });
});
