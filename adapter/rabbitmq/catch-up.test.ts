import { describe, expect, test } from "@jest/globals";
import { createCatchUp, type CatchUpOptions } from "./catch-up.ts";
import type { StreamRecord } from "./record.ts";

const LIMITS = { maxMessages: 3, maxBytes: 1000 };
const own = { sender: Buffer.alloc(8), number: 1 };
const entry = (epoch: string): StreamRecord => ({ ...own, kind: "entry", epoch, bytes: Buffer.from("x") });
const begun = (epoch: string, replaces: string): StreamRecord => ({ ...own, kind: "epoch", epoch, replaces });
const mark: StreamRecord = { ...own, kind: "mark", epoch: "" };
const place = (epoch: string, index: number) => ({ epoch, index });
const bodyOf = (index: number) => Buffer.from(String(index));
const go = (epoch: string, index: number, isCut: boolean, entries: number[]) => ({
  kind: "go",
  place: place(epoch, index),
  isCut,
  entries,
});

/** What is decided behind the last of the records, the first of which has the index `first`. */
const decided = (
  { first = 1, ...options }: Partial<CatchUpOptions> & { first?: number },
  records: readonly StreamRecord[],
) => {
  const catchUp = createCatchUp({ at: "first", from: "oldest", limits: LIMITS, ...options });
  for (const [at, record] of records.entries()) catchUp.take(first + at, record, bodyOf(first + at), undefined);
  const decision = catchUp.decide(first + records.length - 1);
  return decision.kind === "go" ? { ...decision, entries: decision.entries.map(({ index }) => index) } : decision;
};
const seen = (index: number, body = bodyOf(index)) => ({ index, body });

describe("what a follower of a stream does", () => {
  test.each<[string, Parameters<typeof decided>, object]>([
    ["of an empty one: it begins an epoch", [{}, [mark]], { kind: "begin", replaces: "" }],
    [
      "two began one at once: the first counts",
      [{}, [begun("a", ""), begun("b", ""), entry("a")]],
      go("a", 0, false, [3]),
    ],
    ["what was said before the first epoch is nobody's", [{}, [entry("z"), begun("a", "")]], go("a", 0, false, [])],
    [
      "from the oldest, within the limits",
      [{}, [begun("a", ""), entry("a"), entry("a"), entry("a"), entry("a")]],
      go("a", 2, false, [3, 4, 5]),
    ],
    [
      "whose beginning is cut off: entries tell the epoch",
      [{ first: 50 }, [mark, entry("a"), mark]],
      go("a", 49, false, [51]),
    ],
    ["from a place", [{ from: place("a", 2) }, [begun("a", ""), entry("a"), entry("a"), mark]], go("a", 2, false, [3])],
    ["from a place that is cut off", [{ from: place("a", 3), first: 50 }, [entry("a")]], go("a", 49, true, [50])],
    ["from another epoch", [{ from: place("z", 3) }, [begun("a", ""), entry("a")]], go("a", 0, true, [2])],
    [
      "from an epoch that was replaced",
      [{ from: place("a", 2) }, [begun("a", ""), entry("a"), begun("b", "a"), entry("b")]],
      go("b", 3, true, [4]),
    ],
    [
      "a replacement that came too late changes nothing",
      [{ from: place("b", 3) }, [begun("a", ""), begun("b", "a"), entry("b"), begun("c", "a")]],
      go("b", 3, false, []),
    ],
    [
      "from a place behind its end: entries are lost, and another epoch begins",
      [{ from: place("a", 9) }, [begun("a", ""), entry("a")]],
      { kind: "begin", replaces: "a" },
    ],
    [
      "from the newest, where the last chunk tells the epoch",
      [{ from: "newest", at: "last", first: 50 }, [begun("a", "a"), mark]],
      go("a", 51, false, []),
    ],
    ["from the newest, where it does not", [{ from: "newest", at: "last", first: 50 }, [mark]], { kind: "again" }],
    [
      "from the newest, where somebody began an epoch, perhaps too late",
      [{ from: "newest", at: "last", first: 50 }, [begun("b", ""), mark]],
      { kind: "again" },
    ],
  ])("%s", (_given, [options, records], expected) => {
    expect(decided(options, records)).toEqual(expected);
  });
});

describe("one that comes back to the record that it saw last", () => {
  const back = { at: 50, from: place("a", 49), first: 50 };
  test.each<[string, Parameters<typeof decided>, object]>([
    ["finds it, and goes on", [{ ...back, seen: seen(50) }, [mark, entry("a"), mark]], go("a", 49, false, [51])],
    [
      "finds another in its place: it reads all",
      [{ ...back, seen: seen(50, bodyOf(1)) }, [mark, entry("a")]],
      { kind: "again" },
    ],
    ["finds it cut off: it reads all", [{ ...back, first: 60, seen: seen(50) }, [entry("a")]], { kind: "again" }],
    [
      "finds that the epoch was replaced since",
      [{ ...back, seen: seen(50) }, [mark, begun("b", "a"), entry("b")]],
      go("b", 51, true, [52]),
    ],
    [
      "reads all, and finds another in its place: another epoch begins",
      [{ from: place("a", 2), seen: seen(2, bodyOf(1)) }, [begun("a", ""), entry("a"), entry("a")]],
      { kind: "begin", replaces: "a" },
    ],
    [
      "reads all, and finds it",
      [{ from: place("a", 2), seen: seen(2) }, [begun("a", ""), entry("a"), entry("a")]],
      go("a", 2, false, [3]),
    ],
    [
      "reads all of a stream that was made anew",
      [{ from: place("a", 9), seen: seen(9) }, [begun("b", ""), entry("b")]],
      go("b", 0, true, [2]),
    ],
  ])("%s", (_given, [options, records], expected) => {
    expect(decided(options, records)).toEqual(expected);
  });
});
