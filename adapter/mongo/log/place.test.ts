import { describe, expect, test } from "@jest/globals";
import { epochAfter, headOf, idOf, readLogDocument, type Head } from "./document.ts";
import { goOn, standOf, type GoOn, type Start } from "./place.ts";

const EPOCH = "0abcdefgh1234";
const LATER = "0abcdefgi0000";
const head = (first: number, next: number, epoch = EPOCH, w = "w"): Head =>
  headOf({ _id: idOf(epoch, first), w, n: next, t: 0 });
const limits = { maxMessages: 100, maxBytes: 1000 };

describe("where a follower goes on, in a log that ends behind entry 500", () => {
  const end = head(500, 501);
  const at = (index: number, epoch = EPOCH) => ({ epoch, index });
  test.each<[string, Start, Head | undefined, Head | undefined, GoOn]>([
    ["from the newest, behind it", "newest", undefined, undefined, { kind: "behind", index: 500 }],
    [
      "from the oldest, there, and is told nothing",
      "oldest",
      undefined,
      undefined,
      { kind: "floor", index: 400, isCut: false },
    ],
    ["at a place that is kept, there", at(450), head(440, 460), undefined, { kind: "behind", index: 450 }],
    ["behind the end, there", at(500), end, end, { kind: "behind", index: 500 }],
    [
      "at a place in another epoch, at the oldest, and is told",
      at(450, LATER),
      undefined,
      undefined,
      { kind: "floor", index: 400, isCut: true },
    ],
    [
      "at a place that is cut off, at the oldest, and is told",
      at(300),
      head(290, 310),
      undefined,
      { kind: "floor", index: 400, isCut: true },
    ],
    [
      "where the ring has gone over its place, at the oldest behind it, and is told",
      at(450),
      undefined,
      head(440, 460),
      { kind: "floor", index: 450, isCut: true },
    ],
    [
      "where its entry is missing, at the oldest behind it, and is told",
      at(450),
      head(440, 445),
      undefined,
      { kind: "floor", index: 450, isCut: true },
    ],
    ["who has seen more than there is: entries are lost", at(501), end, undefined, { kind: "lost" }],
    [
      "who has seen another entry there: one is lost",
      at(450),
      head(440, 460),
      head(440, 460, EPOCH, "other"),
      { kind: "lost" },
    ],
    [
      "who stands before what he saw lately, at his place",
      at(439),
      head(430, 440),
      head(440, 460),
      { kind: "behind", index: 439 },
    ],
  ])("%s", (_what, start, found, seen, expected) => {
    expect(goOn(start, { end, found, seen, limits })).toEqual(expected);
  });
});

test.each([
  ["the next one", head(10, 12), "next"],
  ["one that begins earlier and ends later", head(8, 12), "next"],
  ["one handed over twice", head(8, 10), "known"],
  ["one behind a gap", head(11, 12), "gap"],
  ["one of a later epoch", head(1, 2, LATER), "later epoch"],
  ["what was appended to an epoch that has ended", head(10, 12, "0000000000000"), "earlier epoch"],
])("to one who expects entry 10: %s", (_what, it, stand) => {
  expect(standOf(it, { epoch: EPOCH, next: 10 })).toBe(stand);
});

describe("documents of a log", () => {
  test("sort by epoch, then by index; a later epoch is later whatever the clock says", () => {
    const now = Date.now();
    const first = epochAfter("0000000000000", now, () => 0.9);
    const second = epochAfter(first, now - 60_000, () => 0);
    const ids = [idOf(first, 0), idOf(first, 35), idOf(first, 36), idOf(first, 1e12), idOf(second, 0)];
    expect([...ids].sort()).toEqual(ids);
  });
  const document = {
    _id: idOf(EPOCH, 1),
    w: "w",
    n: 3,
    t: 7,
    b: [Buffer.from("abc"), { id: "x", pieces: 1, size: 4 }],
  };
  test("are read whole", () => {
    expect(readLogDocument(document)?.entries).toEqual(document.b);
  });
  test.each([
    [{ ...document, _id: "x" }],
    [{ ...document, n: 1 }],
    [{ ...document, n: 4 }],
    [{ ...document, b: [1, 2] }],
    [{ ...document, b: [{ id: "x", pieces: 1 }, "a"] }],
    [{ _id: document._id, w: "" }],
    [{ _id: 7 }],
  ])("or not at all: %j", (it) => expect(readLogDocument(it)).toBeUndefined());
});
