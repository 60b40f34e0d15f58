import { describe, expect, test } from "@jest/globals";
import { drainPlan } from "#crds";
import { clusterOf } from "../testing.ts";
import type { ScaleRules } from "../topology/model.ts";
import { topology } from "../topology/topology.ts";
import type { Fleet, GatewayLoad } from "./model.ts";
import { decisions, looksFrom, poolRules, type Look } from "./testing.ts";

/** Of [second, backlog] that nobody's hands are free for; undefined: unknown. */
const backlogs = (...loads: [number, number | undefined][]): Look[] =>
  loads.map(([at, ready]) => (ready === undefined ? { at } : { at, jobs: { ready }, fleet: { reporting: 0 } }));
const counts = (start: number, looks: readonly Look[], rules?: ScaleRules) =>
  decisions(start, looks, rules).map(({ count }) => count);

describe("the count for a backlog", () => {
  const cases: [string, number, Look[], Partial<ScaleRules>, number[]][] = [
    ["0 to 1 at once, for a single job", 0, backlogs([0, 1]), {}, [1]],
    ["a worker for each full target, and one for the rest", 1, backlogs([0, 100], [1, 101], [2, 1000]), {}, [1, 2, 10]],
    ["never above the maximum", 1, backlogs([0, 99_999]), {}, [10]],
    ["never below the minimum", 4, backlogs([0, 0], [61, 0], [122, 0]), { min: 2 }, [4, 2, 2]],
    ["raised to the minimum at once", 0, backlogs([0, undefined]), { min: 2 }, [2]],
    ["lowered to a new maximum at once", 8, backlogs([0, 9999]), { max: 3 }, [3]],
    ["down only after the time", 2, backlogs([0, 200], [30, 100], [89, 100], [90, 100]), {}, [2, 2, 2, 1]],
    [
      "down to the highest need of that time",
      5,
      backlogs([0, 500], [10, 400], [20, 300], [70, 300], [80, 300], [130, 300]),
      {},
      [5, 5, 5, 4, 4, 3],
    ],
    [
      "by half in each such time",
      10,
      backlogs([0, 0], [60, 0], [119, 0], [120, 0], [180, 0], [240, 0], [300, 0]),
      {},
      [10, 5, 5, 3, 2, 1, 0],
    ],
    [
      "a peak in between starts the time anew",
      2,
      backlogs([0, 200], [50, 0], [55, 200], [65, 0], [124, 0], [125, 0]),
      {},
      [2, 2, 2, 2, 2, 1],
    ],
    [
      "a large count by no less than a twentieth",
      100,
      backlogs([0, 10_100], [60, 10_100], [120, 10_300]),
      { max: 999 },
      [105, 105, 105],
    ],
    ["up at once, in the middle of going down", 4, backlogs([0, 0], [60, 0], [61, 900]), {}, [4, 2, 9]],
    [
      "to 0 only without any job in that time",
      1,
      backlogs([0, 1], [100, 1], [200, 0], [259, 0], [260, 0]),
      {},
      [1, 1, 1, 1, 0],
    ],
    ["an unknown depth holds the count", 4, backlogs([0, undefined], [1000, undefined]), {}, [4, 4]],
    [
      "what comes after the unknown waits its time",
      1,
      backlogs([0, undefined], [100, 0], [159, 0], [160, 0]),
      {},
      [1, 1, 1, 0],
    ],
    ["at once where no time is set", 5, backlogs([0, 100]), { scaleDownSeconds: 0 }, [1]],
  ];
  test.each(cases)("%s", (_then, start, looks, rules, expected) => {
    expect(counts(start, looks, poolRules(rules))).toEqual(expected);
  });
});

describe("the count for arrivals", () => {
  /** 50 jobs a second, each 2 s in a hand: 100 hands, which are five workers, or six and a bit at four fifths. */
  const steady = looksFrom(0, 40, () => ({
    jobs: { ready: 0, unacked: 100, inRate: 50, outRate: 50 },
    fleet: { inHand: 100 },
  }));

  test("as many as keep up with what comes, though the backlog asks for fewer", () => {
    expect(counts(5, steady).at(-1)).toBe(7);
    const last = decisions(5, steady).findLast(({ reason }) => reason === "Rate");
    expect(last?.detail).toBe("50 jobs/s come, each is in a hand for 2 s");
  });

  test("a burst is no rate: the backlog tells how many it is worth", () => {
    const burst = looksFrom(0, 40, (at) => ({
      jobs: { ready: at < 20 ? 0 : 400, unacked: 100, inRate: at === 20 ? 400 : 20, outRate: 20 },
      fleet: { inHand: 100 },
    }));
    expect(Math.max(...counts(7, burst, poolRules({ max: 100 })))).toBe(7);
  });

  test("a pool into which jobs drop now and then goes to 0 between them", () => {
    const rare = looksFrom(0, 300, (at) => ({
      jobs: { inRate: at % 150 === 0 ? 1 : 0, outRate: at % 150 === 1 ? 1 : 0 },
    }));
    expect(counts(1, rare).at(-1)).toBe(0);
  });

  test("retries are no arrivals: where every job fails the backlog alone adds workers", () => {
    const failing = looksFrom(0, 60, () => ({
      jobs: { ready: 150, unacked: 40, inRate: 50, outRate: 50, failedRate: 50 },
      fleet: { inHand: 40 },
    }));
    const decided = decisions(2, failing);
    expect(decided.at(-1)).toMatchObject({ count: 2, doubt: { reason: "EveryJobFails" } });
  });
});

describe("the count for what waits too long", () => {
  /** Slow jobs: all hands are full, as many wait. */
  const waiting =
    (ready: number) =>
    (at: number) =>
    (count: number): Look => ({
      at,
      jobs: { ready, unacked: count * 20 },
      fleet: { inHand: count * 20 },
    });
  const every = (to: number, look: (at: number) => (count: number) => Look) =>
    Array.from({ length: to + 1 }, (_, at) => look(at));

  test("jobs that waited a minute before full hands get twice the workers, and again, up to the maximum", () => {
    const decided = decisions(1, every(95, waiting(90)), poolRules({ max: 6, target: 1000 }));
    expect([59, 60, 69, 70, 80, 95].map((at) => decided[at]?.count)).toEqual([1, 2, 2, 4, 6, 6]);
    expect(decided[60]).toMatchObject({
      reason: "Age",
      detail: "the oldest of 90 jobs has waited 60 s, maxWaitSeconds 60",
    });
  });

  test("by no more hands than jobs wait", () => {
    expect(decisions(4, every(60, waiting(3)), poolRules({ target: 1000 })).at(-1)?.count).toBe(5);
  });

  test("not while those that were added are not ready: more of them would not help", () => {
    const looks = every(300, (at) => () => ({
      ...waiting(90)(at)(1),
      fleet: { inHand: 20, reporting: 1, ready: 1 },
    }));
    const decided = decisions(1, looks, poolRules({ target: 1000 }));
    expect(decided.at(-1)).toMatchObject({
      count: 2,
      doubt: { reason: "NotReady", message: "no more than 1 of 2 become ready" },
    });
  });

  test("also where workers never tell of a job in hand", () => {
    const looks = looksFrom(0, 60, () => ({ jobs: { ready: 90, outRate: 1 } }));
    expect(decisions(1, looks, poolRules({ target: 1000 })).at(-1)).toMatchObject({ count: 2, reason: "Age" });
  });
});

describe("jobs that another worker would not take", () => {
  const waiting = (ready: number, rest: object = {}) =>
    looksFrom(0, 300, () => ({ jobs: { ready, unacked: 1, ...rest }, fleet: { inHand: 1, busy: 1 } }));

  test("what waits for a retry or its key is worth one worker, and is told after ten seconds", () => {
    const decided = decisions(2, waiting(900, { blocked: 900, outRate: 1 }));
    expect(decided[0]).toMatchObject({
      count: 2,
      detail: "backlog 901, target 100; 900 of it wait for a retry or their key",
    });
    expect([9, 10].map((at) => decided[at]?.doubt?.reason)).toEqual([undefined, "Blocked"]);
    expect(decided.at(-1)?.count).toBe(1);
  });

  test("the rest of the backlog asks for what it needs", () => {
    expect(counts(2, waiting(900, { blocked: 500 }))[0]).toBe(5);
  });

  test("where it is not known what jobs wait for, free hands beside them say it only if none ends for a minute", () => {
    const decided = decisions(2, waiting(900));
    expect([0, 59].map((at) => decided[at]?.count)).toEqual([10, 10]);
    expect(decided.at(-1)).toMatchObject({ count: 1, doubt: { reason: "Blocked" } });
    expect(counts(2, waiting(900, { outRate: 1 })).at(-1)).toBe(10);
  });
});

describe("workers whose hands seem free, since jobs end before anybody can tell of them", () => {
  interface Pool {
    start: number;
    perSecond: number;
    arrive: number;
    waiting?: number;
    handsPerWorker?: number;
  }
  /** Counts second by second, where all that have been wanted for ten seconds end `perSecond` jobs each. */
  const run = (
    seconds: number,
    { start, perSecond, arrive, waiting = 0, handsPerWorker = 0 }: Pool,
    rules: Partial<ScaleRules>,
  ) => {
    const wanted = Array.from({ length: 10 }, () => start);
    const looks = Array.from({ length: seconds }, (_, at) => (count: number): Look => {
      wanted.push(count);
      const ready = Math.min(...wanted.slice(-10));
      const ended = Math.min(waiting + arrive, ready * perSecond);
      waiting += arrive - ended;
      const inHand = ready * handsPerWorker;
      return {
        at,
        jobs: { ready: waiting, unacked: inHand, inRate: arrive, outRate: ended },
        fleet: { ready, reporting: ready, inHand },
      };
    });
    return decisions(start, looks, poolRules(rules));
  };

  test.each<[string, Pool, Partial<ScaleRules>]>([
    ["that compute, and have more to do than they can", { start: 10, perSecond: 200, arrive: 2100 }, { max: 10 }],
    [
      "that wait for the broker, beside a million jobs",
      { start: 4, perSecond: 200, arrive: 10, waiting: 1_000_000, handsPerWorker: 8 },
      { max: 4 },
    ],
  ])("none goes of those %s", (_which, pool, rules) => {
    const decided = run(900, pool, rules);
    expect(Math.min(...decided.map(({ count }) => count))).toBe(rules.max);
    expect(decided.at(-1)?.doubt).toBeUndefined();
  });

  test("what full workers end tells how many must stay: the count finds its place, and does not flap", () => {
    const decided = run(1800, { start: 2, perSecond: 1500, arrive: 9000, handsPerWorker: 1 }, { max: 50 });
    const late = decided.slice(600);
    expect(Math.min(...late.map(({ count }) => count))).toBeGreaterThanOrEqual(6);
    expect(Math.max(...late.map(({ count }) => count))).toBeLessThanOrEqual(8);
    expect(late.filter(({ count }, at) => at > 0 && count !== late[at - 1]?.count).length).toBeLessThanOrEqual(2);
    expect(late.find(({ reason }) => reason === "Rate")?.detail).toMatch(
      /^9,000 jobs\/s come, a worker ends 1,\d\d\d\/s/,
    );
  });

  test("they go when no more comes", () => {
    expect(run(600, { start: 8, perSecond: 200, arrive: 0, waiting: 20_000 }, { max: 10 }).at(-1)?.count).toBe(0);
  });
});

describe("what is in hand", () => {
  const idle = (at: number, fleet: Partial<Fleet>): Look => ({ at, jobs: { unacked: fleet.inHand ?? 0 }, fleet });
  const cases: [string, number, Partial<Fleet>, Partial<ScaleRules>, number][] = [
    ["never fewer hands than jobs in them", 8, { inHand: 95, busy: 8 }, {}, 5],
    ["who does not tell stays, since unknown is not nothing", 4, { silent: 3, reporting: 1 }, {}, 3],
    ["a worker that is gone from sight keeps the last one", 1, { silent: 1, reporting: 0 }, {}, 1],
    ["nothing in hand, nothing stays", 1, {}, {}, 0],
  ];
  test.each(cases)("%s", (_then, start, fleet, rules, expected) => {
    const looks = [0, 60, 120, 180, 240].map((at) => idle(at, fleet));
    expect(decisions(start, looks, poolRules(rules)).at(-1)?.count).toBe(expected);
  });
});

describe("the count for connections", () => {
  const rules = poolRules({
    by: "connections",
    min: 2,
    max: 100,
    target: 1000,
    scaleDownSeconds: 300,
    mostMoved: 3000,
  });
  const clients = (at: number, load: Partial<GatewayLoad>, fleet: Partial<Fleet> = {}): Look => ({
    at,
    clients: { ...load },
    fleet,
  });
  const late = (from: number, to: number, lagMs: number) => looksFrom(from, to, () => ({ clients: { lagMs } }));

  test.each<[string, number, Look[], number]>([
    ["a gateway for each full target, and one for the rest", 2, [clients(0, { connections: 3001 })], 4],
    ["one that drains is none of them", 2, [clients(0, { connections: 3001, draining: 1 })], 5],
    ["down by half where nobody is connected", 50, [0, 300, 600].map((at) => clients(at, {})), 13],
    [
      "down by no more than whose clients may be sent to others",
      50,
      [0, 300].map((at) => clients(at, { connections: 15_000 })),
      40,
    ],
    ["not at all while one does not tell", 50, [0, 300, 600].map((at) => clients(at, {}, { silent: 1 })), 50],
    ["a quarter more where event loops stay late", 8, late(0, 15, 150), 10],
    ["more again only after a minute", 8, late(0, 74, 150), 10],
    ["and then", 8, late(0, 75, 150), 12],
    ["not for a moment's", 8, late(0, 14, 150), 8],
    ["none goes while they are late", 8, late(0, 1000, 60).with(0, clients(0, { lagMs: 100 })), 8],
    ["nor for what nobody would feel", 8, late(0, 299, 40), 8],
  ])("%s", (_then, start, looks, expected) => {
    expect(counts(start, looks, rules).at(-1)).toBe(expected);
  });
});

test.each([
  ["as many as have no more clients than a drain can send away in its grace", 40_000, 17],
  ["one where even that is more", 95_000, 19],
])("of 20 gateways that are too many goes %s", (_how_many, connections, expected) => {
  const { gateway } = clusterOf({ gateway: { autoscaling: { maxReplicas: 20, connectionsPerReplica: 5000 } } }).spec;
  const { capacity } = drainPlan(gateway.drain);
  const [role] = topology(clusterOf({ gateway }), { managedAs: "hub" }).roles.filter(({ name }) => name === "gateway");
  const looks = [0, 300].map((at): Look => ({ at, clients: { connections } }));
  const left = counts(20, looks, role?.scale).at(-1) ?? 0;
  expect(left).toBe(expected);
  expect(20 - left === 1 || ((20 - left) * connections) / 20 <= capacity).toBe(true);
});

test("who does not tell what it has in hand is a doubt after ten seconds: one that has just begun tells by then", () => {
  const looks = [0, 9, 10].map((at): Look => ({ at, jobs: {}, fleet: { silent: 1 } }));
  expect(decisions(2, looks).map(({ doubt }) => doubt?.reason)).toEqual([undefined, undefined, "InHandUnknown"]);
});

test.each<[string, number, Look, Partial<ScaleRules>, string, string]>([
  ["a backlog", 2, { at: 0, jobs: { ready: 600, unacked: 40 } }, {}, "Backlog", "backlog 640, target 100"],
  ["a bound above", 2, { at: 0, jobs: { ready: 5000 } }, {}, "Maximum", "backlog 5,000, target 100; maxReplicas 10"],
  ["a bound below", 0, { at: 0, jobs: {} }, { min: 2 }, "Minimum", "backlog 0, target 100; minReplicas 2"],
  ["nothing known", 2, { at: 0 }, {}, "Unknown", "its load is unknown"],
])("a decision tells %s", (_what, start, look, rules, reason, detail) => {
  expect(decisions(start, [look], poolRules(rules))[0]).toMatchObject({ reason, detail });
});
