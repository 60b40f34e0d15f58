import { describe, expect, test } from "@jest/globals";
import { excessOf, unevenness, waveOf, type LoadedGateway } from "./wave.ts";

const gateways = (...loads: (number | [load: number, recoverable: number])[]): LoadedGateway[] =>
  loads.map((it, i) => {
    const [load, recoverable] = typeof it === "number" ? [it, it] : it;
    return { instance: `g${i}`, node: `g${i}-aa`, load, recoverable };
  });
const sessions = (it: ReturnType<typeof waveOf>) =>
  it && Object.fromEntries(it.sheds.map((shed) => [shed.instance, shed.sessions]));

test.each([
  ["nobody is there", [0, 0], 1, 0],
  ["all are level", [100, 100], 1, 0],
  ["one has all", [100, 0], 2, 50],
  ["half are new", [500, 500, 0, 0], 2, 500],
  ["what is a little above the mean stays", [104, 96], 1.04, 0],
])("%s", (_given, loads, uneven, excess) => {
  expect([unevenness(gateways(...loads)), excessOf(gateways(...loads))]).toEqual([uneven, excess]);
});

describe("a wave", () => {
  const cases: [string, LoadedGateway[], number, string[] | undefined, Record<string, number> | undefined][] = [
    [
      "moves what lies above the mean to the new ones",
      gateways(500, 500, 0, 0),
      1000,
      ["g2", "g3"],
      { g0: 250, g1: 250 },
    ],
    ["moves no more than it may, in proportion", gateways(600, 300, 0), 100, ["g2"], { g0: 100 }],
    ["takes of each that is above", gateways(800, 600, 0, 0), 225, ["g2", "g3"], { g0: 145, g1: 80 }],
    ["goes to none that would go above the mean by it", gateways(1020, 500, 500, 500, 0), 1000, ["g4"], { g0: 516 }],
    [
      "is smaller where those that are empty are few",
      gateways(500, 500, 0, 100),
      1000,
      ["g2", "g3"],
      { g0: 189, g1: 188 },
    ],
    ["takes only those that recover", gateways([500, 40], [500, 0], 0, 0), 1000, ["g2", "g3"], { g0: 40 }],
    ["does not pay for a few", gateways(30, 0), 1000, undefined, undefined],
    ["does not pay where nobody recovers", gateways([500, 0], 0), 1000, undefined, undefined],
    ["does not pay where all are level", gateways(500, 500), 1000, undefined, undefined],
    ["is none of no gateways", [], 1000, undefined, undefined],
  ];
  test.each(cases)("%s", (_sentence, given, most, takers, sheds) => {
    const wave = waveOf(given, most);
    expect(wave?.takers.toSorted()).toEqual(takers);
    expect(sessions(wave)).toEqual(sheds);
  });
});
