import { describe, expect, test } from "@jest/globals";
import type { ScaleRules } from "../topology/model.ts";
import { initialScale, scale } from "./scale.ts";

const rules: ScaleRules = { by: "backlog", min: 0, max: 10, target: 100, scaleDownSeconds: 60 };

/** Feeds [second, load] and gives the counts. */
const counts = (
  start: number,
  loads: readonly (readonly [number, number | undefined])[],
  with_: Partial<ScaleRules> = {},
) => {
  let current = start;
  let state = initialScale;
  return loads.map(([second, load]) => {
    const next = scale({ rules: { ...rules, ...with_ }, current, load, now: second * 1000 }, state);
    current = next.count;
    state = next.state;
    return current;
  });
};

describe("the count for a backlog", () => {
  const cases: [string, number, [number, number | undefined][], Partial<ScaleRules>, number[]][] = [
    ["0 to 1 at once, for a single job", 0, [[0, 1]], {}, [1]],
    [
      "a worker for each full target, and one for the rest",
      1,
      [
        [0, 100],
        [1, 101],
        [2, 1000],
      ],
      {},
      [1, 2, 10],
    ],
    ["never above the maximum", 1, [[0, 99_999]], {}, [10]],
    [
      "never below the minimum",
      5,
      [
        [0, 0],
        [61, 0],
      ],
      { min: 2 },
      [5, 2],
    ],
    ["raised to the minimum at once", 0, [[0, undefined]], { min: 2 }, [2]],
    [
      "down only after the time",
      5,
      [
        [0, 500],
        [30, 100],
        [89, 100],
        [90, 100],
      ],
      {},
      [5, 5, 5, 1],
    ],
    [
      "down to the highest need of that time",
      5,
      [
        [0, 500],
        [10, 300],
        [20, 100],
        [70, 100],
        [80, 100],
      ],
      {},
      [5, 5, 5, 3, 1],
    ],
    [
      "a peak in between starts the time anew",
      2,
      [
        [0, 200],
        [50, 0],
        [55, 200],
        [65, 0],
        [124, 0],
        [125, 0],
      ],
      {},
      [2, 2, 2, 2, 2, 0],
    ],
    [
      "to 0 only without any job",
      1,
      [
        [0, 1],
        [100, 1],
        [200, 0],
        [259, 0],
        [260, 0],
      ],
      {},
      [1, 1, 1, 1, 0],
    ],
    [
      "an unknown depth holds the count",
      4,
      [
        [0, undefined],
        [100, undefined],
        [1000, undefined],
      ],
      {},
      [4, 4, 4],
    ],
    [
      "what comes after the unknown waits its time",
      4,
      [
        [0, undefined],
        [100, 0],
        [159, 0],
        [160, 0],
      ],
      {},
      [4, 4, 4, 0],
    ],
    ["at once where no time is set", 5, [[0, 100]], { scaleDownSeconds: 0 }, [1]],
    ["lowered to a new maximum at once", 8, [[0, 9999]], { max: 3 }, [3]],
  ];
  test.each(cases)("%s", (_then, start, loads, with_, expected) => {
    expect(counts(start, loads, with_)).toEqual(expected);
  });
});
