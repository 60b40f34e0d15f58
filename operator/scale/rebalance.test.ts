import { describe, expect, test } from "@jest/globals";
import type { GatewayReport } from "#crds";
import type { Instance, Signal } from "../port.ts";
import { instanceOf, signalOf } from "../testing.ts";
import { initialRebalance, rebalance, type RebalanceInput, type RebalanceState } from "./rebalance.ts";

const START = 1_000_000;
const reportOf = (instance: string, load: number, rest: Partial<GatewayReport> = {}): GatewayReport => ({
  node: `${instance}-ab12`,
  connections: load,
  carried: 0,
  recoverable: load,
  draining: false,
  ...rest,
});
const inputOf = (loads: readonly number[], rest: Partial<RebalanceInput> = {}): RebalanceInput => ({
  instances: loads.map((_, i) => instanceOf(`g${i}`)),
  configHash: "now",
  graceMs: 65_000,
  signal: signalOf({ gateways: loads.map((load, i) => reportOf(`g${i}`, load)) }),
  perSecond: 160,
  now: START,
  ...rest,
});
const withReports = (signal: Signal, change: (report: GatewayReport) => Partial<GatewayReport>): Signal => ({
  ...signal,
  snapshot: { ...signal.snapshot, gateways: signal.snapshot.gateways.map((it) => ({ ...it, ...change(it) })) },
});
const NEW = [500, 500, 0, 0];
const begun = rebalance(inputOf(NEW), initialRebalance);

describe("who is kept out of the clients' way", () => {
  const instances = NEW.map((_, i) => instanceOf(`g${i}`));
  const signal = signalOf({ gateways: NEW.map((load, i) => reportOf(`g${i}`, load)) });
  const changed = (index: number, change: Partial<Instance>) =>
    instances.map((it, i) => (i === index ? { ...it, ...change } : it));
  const cases: [string, Partial<RebalanceInput>, string[]][] = [
    ["those that are above the mean, where two of four are new", {}, ["g0", "g1"]],
    ["nobody, where nothing was heard of the cluster", { signal: undefined }, []],
    ["nobody, where the signal is old", { signal: { ...signal, ageMs: 4000 } }, []],
    ["nobody, where its age is no number", { signal: { ...signal, ageMs: Number.NaN } }, []],
    ["nobody, while another configuration runs", { instances: changed(0, { configHash: "old" }) }, []],
    ["nobody, while one goes", { instances: changed(3, { state: "stopping", since: START - 94_000 }) }, []],
    [
      "those, where one is still there long after it was to be gone",
      {
        instances: [...instances, instanceOf("g4", { state: "stopping", since: START - 95_000, configHash: "old" })],
      },
      ["g0", "g1"],
    ],
    ["nobody, while one drains", { signal: withReports(signal, ({ node }) => ({ draining: node === "g3-ab12" })) }, []],
    ["nobody, while one starts", { instances: changed(3, { state: "starting", since: START - 59_000 }) }, []],
    ["nobody, while one is ready for a moment only", { instances: changed(3, { since: START - 4000 }) }, []],
    [
      "nobody, while one was restarted a moment ago",
      { instances: changed(3, { restarts: 1, since: START - 59_000 }) },
      [],
    ],
    [
      "those, where one was restarted a while ago",
      { instances: changed(3, { restarts: 1, since: START - 60_000 }) },
      ["g0", "g1"],
    ],
    [
      "those, where one does not get ready",
      { instances: changed(3, { state: "starting", since: START - 60_000 }) },
      ["g0", "g1"],
    ],
    ["those, where one fails", { instances: changed(3, { state: "failing", since: START }) }, ["g0", "g1"]],
    [
      "nobody, where one that is ready does not report",
      { signal: signalOf({ gateways: signal.snapshot.gateways.slice(1) }) },
      [],
    ],
    ["nobody, where a report is negative", { signal: withReports(signal, () => ({ carried: -1 })) }, []],
    ["nobody, where a report is no number", { signal: withReports(signal, () => ({ connections: Number.NaN })) }, []],
    ["nobody, where no client recovers", { signal: withReports(signal, () => ({ recoverable: 0 })) }, []],
    [
      "nobody, where gateways are too old to say who does",
      {
        signal: signalOf({
          gateways: NEW.map((load, i) => ({ node: `g${i}-ab12`, connections: load, carried: 0, draining: false })),
        }),
      },
      [],
    ],
    ["nobody, where there is one gateway", { instances: instances.slice(0, 1) }, []],
    ["nobody, where there is none", { instances: [] }, []],
  ];
  test.each(cases)("%s", (_who, rest, shunned) => {
    const step = rebalance(inputOf(NEW, rest), initialRebalance);
    expect([step.shunned, step.orders]).toEqual([shunned, []]);
  });

  test.each([
    ["uneven by a fifth: nobody", [600, 400, 500], []],
    ["uneven by more: all but the emptiest", [610, 390, 500], ["g0", "g2"]],
    ["uneven by a handful: nobody", [30, 0], []],
    ["level: nobody", [500, 500], []],
    ["empty: nobody", [0, 0], []],
  ])("%s", (_given, loads, shunned) => {
    expect(rebalance(inputOf(loads), initialRebalance).shunned).toEqual(shunned);
  });

  test("carried connections count", () => {
    const signal = signalOf({ gateways: [reportOf("g0", 0, { carried: 500, recoverable: 500 }), reportOf("g1", 0)] });
    expect(rebalance(inputOf([0, 0], { signal }), initialRebalance).shunned).toEqual(["g0"]);
  });
});

describe("a wave", () => {
  const at = (ms: number, rest: Partial<RebalanceInput> = {}, loads = NEW) =>
    inputOf(loads, { now: START + ms, ...rest });
  const shed = rebalance(at(5000), begun.state);

  test("sheds once those that shed have left the clients' way, together at the cluster's pace", () => {
    expect(rebalance(at(4999), begun.state)).toMatchObject({ orders: [], shunned: ["g0", "g1"], isMoving: true });
    expect(shed.shunned).toEqual(["g0", "g1"]);
    expect(shed.orders).toEqual([
      { node: "g0-ab12", sessions: 250, perSecond: 80 },
      { node: "g1-ab12", sessions: 250, perSecond: 80 },
    ]);
  });

  test("ends when its clients have come back", () => {
    const took = (500 / 160) * 1.2 + 2;
    expect(rebalance(at(9900 + took * 1000), shed.state)).toMatchObject({ orders: [], shunned: ["g0", "g1"] });
    const level = [250, 250, 250, 250];
    const over = rebalance(at(10_001 + took * 1000, {}, level), shed.state);
    expect(over).toMatchObject({ orders: [], shunned: [], isMoving: true });
    expect(rebalance(at(11_000 + took * 1000, {}, level), over.state)).toMatchObject({ isMoving: false });
  });

  const ends: [string, RebalanceInput][] = [
    ["a roll begins", at(6000, { configHash: "next" })],
    [
      "nobody of those that took clients is ready any more",
      at(6000, { instances: [instanceOf("g0"), instanceOf("g1")] }),
    ],
    [
      "nobody of those that took clients answers any more",
      at(6000, { signal: signalOf({ gateways: [reportOf("g0", 500), reportOf("g1", 500)] }) }),
    ],
    ["the signal gets old", at(6000, { signal: undefined })],
    ["the clock is set back", at(-1)],
  ];
  test.each(ends)("ends at once where %s", (_where, input) => {
    for (const { state } of [begun, shed]) expect(rebalance(input, state)).toMatchObject({ shunned: [], orders: [] });
  });

  test("goes on where one of those that take clients does not answer", () => {
    const signal = signalOf({ gateways: [reportOf("g0", 500), reportOf("g1", 500), reportOf("g2", 0)] });
    expect(rebalance(at(6000, { signal }), shed.state).shunned).toEqual(["g0", "g1"]);
  });

  test.each([
    ["all has become level", at(5000, {}, [250, 250, 250, 250])],
    ["those that shed have become the emptiest", at(5000, {}, [0, 0, 500, 500])],
  ])("that has not shed yet ends where %s", (_where, input) => {
    expect(rebalance(input, begun.state)).toMatchObject({ shunned: [], orders: [] });
  });

  test.each([
    ["what was moved", 300, 270],
    ["a quarter of what was ordered, where less was", 10, 445],
    ["all that was ordered, where gateways do not say what was", undefined, 70],
  ])("takes from what may be moved %s", (_what, moved, left) => {
    const told = (shed: number | undefined): Partial<RebalanceInput> => ({
      signal: withReports(at(0).signal ?? signalOf(), ({ node }) =>
        shed === undefined ? {} : { shed: node === "g0-ab12" ? 1000 + shed : 0 },
      ),
    });
    const ordered = rebalance(at(5000, told(moved === undefined ? undefined : 0)), begun.state);
    expect(ordered.state.budget).toBe(570);
    expect(rebalance(at(60_000, told(moved)), ordered.state).state).toMatchObject({ budget: left });
  });

  test("takes what was moved also where that is heard later", () => {
    const told = (shed: number) => withReports(at(0).signal ?? signalOf(), () => ({ shed }));
    const ordered = rebalance(at(5000, { signal: told(0) }), begun.state);
    const over = rebalance(at(60_000, { signal: undefined }), ordered.state);
    expect(over).toMatchObject({ shunned: [], state: { budget: 570 }, isMoving: true });
    expect(rebalance(at(90_000, { signal: told(100) }), over.state).state).toMatchObject({ budget: 370 });
  });

  test("moves a few at the slowest pace, too", () => {
    const { orders } = rebalance(at(5000, { perSecond: 0.5 }), begun.state);
    expect(orders.reduce((sum, { sessions }) => sum + sessions, 0)).toBe(20);
  });

  test("is followed by rest where waves come to nothing, again and again", () => {
    let state: RebalanceState = initialRebalance;
    let waves = 0;
    for (let second = 0; second < 280; second++) {
      const inWave = state.wave !== undefined;
      // Their clients stop recovering whenever they are to be moved.
      const signal = withReports(at(0).signal ?? signalOf(), () => (inWave ? { recoverable: 0 } : {}));
      ({ state } = rebalance(at(second * 1000, { signal }), state));
      if (!inWave && state.wave !== undefined) waves++;
    }
    expect(waves).toBeLessThan(15);
    expect(state).toMatchObject({ budget: 0 });
  });

  test("is followed by rest where what may be moved was, and nothing came of it", () => {
    let state: RebalanceState = initialRebalance;
    let moved = 0;
    for (let second = 0; second < 290; second++) {
      const step = rebalance(at(second * 1000), state);
      ({ state } = step);
      moved += step.orders.reduce((sum, { sessions }) => sum + sessions, 0);
    }
    expect(moved).toBeGreaterThan(500);
    expect(moved).toBeLessThanOrEqual(570);
    expect(state).toMatchObject({ budget: 0 });
  });
});

test("gateways that are new are another matter: the rest is over, and what may be moved is counted anew", () => {
  const spent = { budget: 0, quietUntil: START + 300_000 };
  expect(rebalance(inputOf(NEW), spent)).toMatchObject({ shunned: [], isMoving: false });
  const coming = [0, 1, 2, 3].map((i) => instanceOf(`g${i}`, i === 3 ? { state: "starting", since: START } : {}));
  const { state } = rebalance(inputOf(NEW, { instances: coming }), { ...spent, budget: 30 });
  expect(state).toEqual({ budget: 0, quietUntil: START + 10_000 });
  expect(rebalance(inputOf(NEW, { now: START + 10_000 }), state)).toMatchObject({
    shunned: ["g0", "g1"],
    state: { budget: 570 },
  });
});

/** The same code over a simulated fleet: clients that are shed, and others that come, go to those that take them, at random. */
const simulate = (
  loads: number[],
  { seconds, arrivals = 0, random }: { seconds: number; arrivals?: number; random: () => number },
) => {
  let state: RebalanceState = initialRebalance;
  const shed = loads.map(() => 0);
  let moves = 0;
  let most = 0;
  let shuns = 0;
  let lastMove = 0;
  let before = new Set<string>();
  let owed: { index: number; left: number; perSecond: number }[] = [];
  const instances = loads.map((_, i) => instanceOf(`g${i}`));
  for (let second = 0; second < seconds; second++) {
    const reports = loads.map((load, i) => reportOf(`g${i}`, load, { shed: shed[i] ?? 0 }));
    const step = rebalance(
      { ...inputOf([]), instances, signal: signalOf({ gateways: reports }), now: START + second * 1000 },
      state,
    );
    ({ state } = step);
    const shunned = new Set(step.shunned);
    shuns += step.shunned.filter((it) => !before.has(it)).length;
    before = shunned;
    for (const { node, sessions, perSecond } of step.orders)
      owed.push({ index: Number(node.slice(1, node.indexOf("-"))), left: sessions, perSecond });
    let moved = 0;
    for (const order of owed) {
      const due = order.perSecond + random();
      const now = Math.min(Math.floor(order.left), Math.floor(due));
      order.left -= now;
      loads[order.index] = (loads[order.index] ?? 0) - now;
      shed[order.index] = (shed[order.index] ?? 0) + now;
      moved += now;
    }
    owed = owed.filter(({ left }) => left >= 1);
    const takers = loads.flatMap((_, i) => (shunned.has(`g${i}`) ? [] : [i]));
    const send = () => {
      const to = takers[Math.floor(random() * takers.length)] ?? -1;
      loads[to] = (loads[to] ?? 0) + 1;
    };
    for (let i = 0; i < moved + arrivals; i++) send();
    const fullest = Math.max(...loads);
    for (let left = 0; left < arrivals;) {
      const from = Math.floor(random() * loads.length);
      const load = loads[from] ?? 0;
      // Each client goes as likely as any other.
      if (random() * fullest >= load) continue;
      loads[from] = load - 1;
      left++;
    }
    moves += moved;
    most = Math.max(most, moved);
    if (moved > 0) lastMove = second;
  }
  const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length;
  return { moves, most, shuns, lastMove, uneven: Math.max(...loads) / mean };
};

/** mulberry32 */
const randomOf = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};
const fleet = (...parts: [count: number, load: number][]) =>
  parts.flatMap(([count, load]) => Array.from({ length: count }, () => load));

describe("a simulated fleet comes to rest", () => {
  const cases: [string, number[], number, number, number][] = [
    ["of 2 to 4 gateways", fleet([2, 1000], [2, 0]), 120, 0, 1000],
    ["of 3 to 4 gateways with clients that come and go", fleet([3, 2000], [1, 0]), 600, 50, 1500],
    ["where one is far above", fleet([1, 3000], [9, 1000]), 600, 0, 1800],
    ["of 800 gateways with 800,000 connections to 1,000", fleet([800, 1000], [200, 0]), 1600, 0, 160_000],
  ];
  test.each(cases)("%s", (_sentence, loads, seconds, arrivals, excess) => {
    const end = simulate(loads, { seconds, arrivals, random: randomOf(7) });
    expect(end.uneven).toBeLessThanOrEqual(1.2);
    expect(end.moves).toBeLessThan(excess * 1.1 + 22);
    expect(end.lastMove).toBeLessThan(seconds * 0.9);
  });

  test("and stays there: a fleet that clients come to and leave at random is left alone for an hour", () => {
    const end = simulate(fleet([20, 500]), { seconds: 3600, arrivals: 100, random: randomOf(3) });
    expect(end).toMatchObject({ moves: 0, shuns: 0 });
  });
});
