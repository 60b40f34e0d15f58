import { describe, expect, test } from "@jest/globals";
import { createRoster, createSilence } from "./roster.ts";

describe("a roster", () => {
  test("knows a node from its first word on", () => {
    const roster = createRoster<string>();
    expect(roster.hear("a", "x", 0)).toBe(true);
    expect(roster.hear("a", "y", 1)).toBe(false);
    expect(roster.entries.get("a")?.about).toBe("y");
  });
  test("tells once who was silent for longer than allowed", () => {
    const roster = createRoster<string>();
    roster.hear("a", "x", 0);
    roster.hear("b", "x", 10);
    expect(roster.silent(15, 15)).toEqual([]);
    expect(roster.silent(16, 15)).toEqual([["a", "x"]]);
    expect(roster.silent(16, 15)).toEqual([]);
    expect([...roster.entries.keys()]).toEqual(["b"]);
  });
  test("excuses everyone", () => {
    const roster = createRoster<string>();
    roster.hear("a", "x", 0);
    roster.excuse(20);
    expect(roster.silent(30, 15)).toEqual([]);
  });
});

describe("silence", () => {
  test.each<[string, [now: number, connected: boolean][], { at: number; back: boolean }]>([
    [
      "grows with time while the bus is up",
      [
        [0, true],
        [1, true],
        [3, true],
      ],
      { at: 3, back: false },
    ],
    [
      "stands while the bus is down",
      [
        [0, true],
        [1, true],
        [2, false],
        [3, false],
      ],
      { at: 1, back: false },
    ],
    [
      "says when the bus is back",
      [
        [0, true],
        [1, false],
        [2, true],
      ],
      { at: 1, back: true },
    ],
    [
      "says so once",
      [
        [0, true],
        [1, false],
        [2, true],
        [3, true],
      ],
      { at: 2, back: false },
    ],
    [
      "counts a stall of this process as one step",
      [
        [0, true],
        [60, true],
      ],
      { at: 5, back: false },
    ],
  ])("%s", (_sentence, looks, expected) => {
    const silence = createSilence(5);
    expect(looks.map(([now, connected]) => silence.look(now, connected)).at(-1)).toEqual(expected);
  });
});
