import { describe, expect, test } from "@jest/globals";
import type { Member } from "#adapter";
import { drainPlan } from "#crds";
import { memoryBus } from "../testing/memory-bus.ts";
import { openBudget } from "./budget.ts";
import { drain, type DrainParts } from "./drain.ts";
import { mostPerSecond } from "./pace.ts";

/** Time that passes when everyone waits. */
const virtualTime = () => {
  let now = 0;
  const sleepers: { at: number; wake: () => void }[] = [];
  return {
    clock: () => now,
    wait: (ms: number) => new Promise<void>((wake) => void sleepers.push({ at: now + ms, wake })),
    /** Lets time pass until `ends` has come to its end. */
    pass: async (ends: Promise<unknown>) => {
      let isOver = false;
      void ends.finally(() => (isOver = true));
      for (;;) {
        await new Promise((resolve) => setImmediate(resolve));
        if (isOver) return ends;
        const next = sleepers.sort((a, b) => a.at - b.at).shift();
        if (next === undefined) throw new Error("nobody waits, and it is not over");
        now = next.at;
        next.wake();
      }
    },
  };
};

interface Stage {
  /** Connections of each gateway that goes, and when it is asked to. */
  going: { connections: number; atMs?: number; owed?: boolean }[];
  staying?: number;
  graceSeconds?: number;
  reconnectsPerSecond?: number;
  isConnected?: boolean;
  hurryAtMs?: number;
  arrivals?: () => number;
  underway?: () => number;
}

/** Gateways that drain beside each other over one bus; when each connection was closed, and by which pace. */
const play = async (stage: Stage) => {
  const { going, staying = 1, graceSeconds = 60, reconnectsPerSecond = 200, isConnected = true } = stage;
  const time = virtualTime();
  const bus = { ...memoryBus(), connected: () => isConnected };
  const members: Member[] = Array.from({ length: going.length + staying }, (_, i) => ({
    node: `g${i}`,
    instance: `g${i}`,
    role: "gateway",
  }));
  const hurry = new AbortController();
  const closes: { at: number; gateway: number; pace: "budget" | "grace" }[] = [];
  const ends: number[] = [];
  const refusals: number[] = [];
  const plan = drainPlan({ graceSeconds, reconnectsPerSecond });
  const one = async ({ connections, atMs = 0, owed = false }: Stage["going"][number], gateway: number) => {
    const self = members[gateway];
    if (self === undefined) throw new Error("no such gateway");
    const open = new Set(Array.from({ length: connections }, () => ({ owed: owed ? 1 : 0, close: () => {} })));
    for (const it of open) it.close = () => void open.delete(it);
    const membership = { self, members: () => members, onLeave: () => ({ [Symbol.dispose]: () => undefined }) };
    await using budget = await openBudget({ bus, membership, perSecond: plan.perSecond, clock: time.clock });
    await time.wait(atMs);
    const drained: DrainParts = {
      plan,
      budget,
      open: () => [...open],
      underway: stage.underway ?? (() => 0),
      lastArrival: stage.arrivals ?? (() => Number.NEGATIVE_INFINITY),
      refuse: () => void refusals.push(time.clock()),
      closed: (pace) => void closes.push({ at: time.clock(), gateway, pace }),
      ...time,
    };
    await drain(drained, hurry.signal);
    ends.push(time.clock());
  };
  const hurrying = stage.hurryAtMs === undefined ? undefined : time.wait(stage.hurryAtMs).then(() => hurry.abort());
  await time.pass(Promise.all([hurrying, ...going.map(one)]));
  for (const { node } of members.slice(0, going.length)) {
    const last = bus.published.findLast(({ message }) => message.includes(`"${node}"`));
    expect(JSON.parse(last?.message ?? "")).toMatchObject({ left: 0, leaving: true });
  }
  return {
    closes,
    peak: mostPerSecond(closes.map(({ at }) => at)),
    end: Math.max(...ends),
    refusals,
    endMs: plan.endMs,
  };
};

const paces = ({ closes }: { closes: { pace: string }[] }) => [...new Set(closes.map(({ pace }) => pace))];

describe("gateways that drain", () => {
  test("one keeps the cluster's pace, and is done when its last connection has gone", async () => {
    const seen = await play({ going: [{ connections: 2000 }] });
    expect(seen.closes).toHaveLength(2000);
    expect(seen.peak).toBeLessThanOrEqual(200);
    expect(paces(seen)).toEqual(["budget"]);
    expect(seen.end).toBeLessThan(15_000);
  });

  test("many at once have the one pace between them, and end together", async () => {
    const seen = await play({ going: [{ connections: 2000 }, { connections: 1000 }, { connections: 100 }] });
    expect(seen.closes).toHaveLength(3100);
    expect(seen.peak).toBeLessThanOrEqual(200);
    expect(paces(seen)).toEqual(["budget"]);
    expect(seen.end).toBeLessThan(22_000);
    const last = [0, 1, 2].map((it) => seen.closes.findLast(({ gateway }) => gateway === it)?.at ?? 0);
    expect(Math.max(...last) - Math.min(...last)).toBeLessThan(3000);
  });

  test("one that is asked later has its share of what is left", async () => {
    const seen = await play({ going: [{ connections: 2000 }, { connections: 1000, atMs: 5000 }] });
    expect(seen.closes).toHaveLength(3000);
    expect(seen.peak).toBeLessThanOrEqual(200);
    expect(paces(seen)).toEqual(["budget"]);
  });

  test("without the bus each takes what it had if all closed", async () => {
    const seen = await play({
      going: [{ connections: 200 }, { connections: 200 }],
      staying: 2,
      isConnected: false,
    });
    expect(seen.closes).toHaveLength(400);
    expect(seen.peak).toBeLessThanOrEqual(100);
  });

  test("the grace wins where the pace would not do, and is not used up", async () => {
    const seen = await play({ going: [{ connections: 3000 }], graceSeconds: 10 });
    expect(seen.closes).toHaveLength(3000);
    expect(paces(seen)).toEqual(["grace"]);
    expect(seen.end).toBeLessThanOrEqual(8300);
  });

  test("connections with acks under way are closed last, and before the grace is over", async () => {
    const seen = await play({ going: [{ connections: 10, owed: true }], graceSeconds: 10 });
    expect(Math.min(...seen.closes.map(({ at }) => at))).toBeGreaterThanOrEqual(8000);
    expect(seen.end).toBeLessThan(10_000);
  });

  test("what is under way is waited for as long as the grace lasts", async () => {
    expect((await play({ going: [{ connections: 1 }], underway: () => 1 })).end).toBeGreaterThanOrEqual(60_000);
    const underway = Array.from({ length: 50 }, () => 1);
    const seen = await play({ going: [{ connections: 1 }], underway: () => underway.shift() ?? 0 });
    expect(seen.end).toBeLessThan(10_000);
  });
});

describe("before it closes anything, a gateway takes clients as before", () => {
  const first = async (stage: Partial<Stage>) => {
    const { closes, refusals } = await play({ going: [{ connections: 100 }], ...stage });
    const [from = Number.NaN] = refusals;
    expect(closes.every(({ at }) => at >= from)).toBe(true);
    return from;
  };
  test("for a second, where nobody comes", async () => {
    const at = await first({});
    expect(at).toBeGreaterThanOrEqual(1000);
    expect(at).toBeLessThan(1100);
  });
  test("a second more for each that comes", async () => {
    const at = await first({ arrivals: () => 700 });
    expect(at).toBeGreaterThanOrEqual(1700);
    expect(at).toBeLessThan(1800);
  });
  test("five seconds at most, where they do not end", async () => {
    const at = await first({ arrivals: () => Number.POSITIVE_INFINITY });
    expect(at).toBeGreaterThanOrEqual(5000);
    expect(at).toBeLessThan(5100);
  });
  test("as long where no other gateway is there, or all go", async () => {
    expect(await first({ staying: 0 })).toBeGreaterThanOrEqual(5000);
    expect(await first({ staying: 0, going: [{ connections: 5 }, { connections: 5 }] })).toBeGreaterThanOrEqual(5000);
  });
  test("not at all where nobody is connected", async () => {
    expect(await first({ going: [{ connections: 0 }] })).toBe(0);
  });
});

describe("where all else goes, too", () => {
  test("all are closed at once", async () => {
    const seen = await play({ going: [{ connections: 5000 }], hurryAtMs: 0 });
    expect(seen.closes).toHaveLength(5000);
    expect(seen.end).toBeLessThan(200);
  });
  test("also in the middle of a drain", async () => {
    const seen = await play({ going: [{ connections: 5000 }], hurryAtMs: 3000 });
    expect(seen.closes).toHaveLength(5000);
    expect(seen.end).toBeLessThan(3200);
  });
  test("acks have two seconds", async () => {
    const seen = await play({ going: [{ connections: 5, owed: true }], hurryAtMs: 3000 });
    expect(seen.closes).toHaveLength(5);
    expect(seen.end).toBeLessThan(5200);
  });
});
