import { describe, expect, test } from "@jest/globals";
import type { Signal } from "../port.ts";
import { clusterOf, instanceOf, signalOf } from "../testing.ts";
import { topology } from "../topology/topology.ts";
import { countRoles, initialCounts, type CountInput, type Counted } from "./count.ts";
import { scaledEvent, sentenceOf } from "./tell.ts";

const pool = (rest: object) =>
  topology(clusterOf({ workers: [{ name: "a", events: ["a"], ...rest }] }), { managedAs: "hub" }).roles;
const ours = pool({ autoscaling: { maxReplicas: 10 } });
const external = pool({ autoscaling: { external: true } });
const told = (ready: number, at: number): Signal => signalOf({ at, pools: [{ pool: "a", ready, unacked: 0 }] });

/** What is decided pass by pass, each a second after the last but for what is said. */
const passes = (inputs: readonly Partial<CountInput>[]): Counted[] => {
  let memory = initialCounts;
  return inputs.map((input, index) => {
    const now = input.now ?? index * 1000;
    const counted = countRoles(
      {
        roles: ours,
        observation: { instances: [], counts: { "worker-a": 1 } },
        signal: told(0, now),
        isHeld: false,
        ...input,
        now,
      },
      memory,
    );
    memory = counted.memory;
    return counted;
  });
};
const countOf = (counted: Counted | undefined) => counted?.roles.find(({ pool }) => pool === "a")?.count;

test("a change is news once, with its numbers, and the same sentence on the channel", () => {
  const [first, second, third] = passes([{}, { signal: told(640, 1000) }, { signal: told(640, 2000) }]);
  expect([first, second, third].map((it) => it?.news.length)).toEqual([0, 1, 0]);
  const [scaling] = second?.news ?? [];
  expect(scaling && sentenceOf(scaling)).toBe("a 1 → 7: backlog 640, target 100");
  expect(scaling && scaledEvent("chat", scaling)).toEqual({
    at: 1000,
    role: "worker",
    instance: "chat-worker-a",
    pool: "a",
    what: "scaled",
    message: "a 1 → 7: backlog 640, target 100",
  });
  expect(third?.scalings[0]?.decision).toEqual(second?.scalings[0]?.decision);
});

test("a load that becomes unknown is a decision to stay, and no news; what is known again is another", () => {
  const seen = passes([
    { signal: told(90, 0) },
    { signal: undefined },
    { signal: undefined },
    { signal: told(80, 3000) },
  ]);
  expect(seen.map(({ news }) => news.length)).toEqual([0, 0, 0, 0]);
  expect(seen.map(({ scalings }) => scalings[0] && [scalings[0].decision.reason, scalings[0].decision.at])).toEqual([
    ["Backlog", 0],
    ["Unknown", 1000],
    ["Unknown", 1000],
    ["Backlog", 3000],
  ]);
});

test("what is repeated for ten seconds is yesterday's, and counts as unknown", () => {
  const frozen = told(90, 0);
  const seen = passes([0, 10_000, 10_001].map((now) => ({ signal: frozen, now })));
  expect(seen.map(({ scalings }) => scalings[0]?.doubt?.reason)).toEqual([undefined, undefined, "LoadUnknown"]);
});

test("an operator that comes back in the middle of a burst acts in its first pass", () => {
  expect(countOf(passes([{ signal: told(900, 0) }])[0])).toBe(9);
});

test("nothing is decided while nothing may change, and the burst of that time is acted on at once", () => {
  const seen = passes([{}, { isHeld: true, signal: told(900, 1000) }, { signal: told(900, 2000) }]);
  expect(seen.map(countOf)).toEqual([1, 1, 9]);
  expect(seen[1]?.scalings).toEqual([]);
});

describe("who counts can change, and the count does not", () => {
  const observed = (count: number) => ({ instances: [], counts: { "worker-a": count } });
  const local = { instances: [instanceOf("chat-worker-a-0", { role: "worker", of: "worker-a" })] };
  test.each<[string, Partial<CountInput>[], number[]]>([
    [
      "to somebody else, who then counts",
      [
        { signal: told(500, 0) },
        { roles: external, observation: observed(5) },
        { roles: external, observation: observed(8) },
      ],
      [5, 5, 8],
    ],
    [
      "from somebody else, where it was last left",
      [
        { signal: told(500, 0) },
        { roles: external, observation: observed(8) },
        { observation: observed(8), signal: told(500, 2000) },
      ],
      [5, 8, 8],
    ],
    ["from somebody else, in a first pass", [{ observation: observed(8), signal: told(100, 0) }], [8]],
    [
      "to nobody, on a laptop",
      [
        { observation: local, signal: told(500, 0) },
        { observation: local, roles: external },
      ],
      [5, 5],
    ],
  ])("%s", (_who, inputs, expected) => {
    expect(passes(inputs).map(countOf)).toEqual(expected);
  });
});
