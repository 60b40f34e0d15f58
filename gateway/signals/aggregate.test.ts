import { describe, expect, test } from "@jest/globals";
import type { Depth } from "#broker";
import type { GatewayReport, WorkerReport } from "#crds";
import { aggregate, roomOf, STALE_MS, withRatesOf, type Gathered, type Heard } from "./aggregate.ts";

const AT = 1_000_000;

const gateway = (node: string, connections = 0): GatewayReport => ({ node, connections, carried: 0, draining: false });

const worker = (node: string, over: Partial<WorkerReport> = {}): WorkerReport => ({
  node,
  pool: "chat",
  inHand: [],
  done: 0,
  failed: 0,
  ...over,
});

const job = (id: string): WorkerReport["inHand"][number] => ({ id, event: "chat:slow", attempt: 1, since: AT });

const heard = <T>(report: T, age = 0, at = AT): Heard<T> => ({ report, at: at - age });

const gathered = (over: Partial<Gathered> & { depth?: Depth } = {}): Gathered => ({
  at: AT,
  own: gateway("own", 3),
  gateways: [],
  workers: [],
  pools: [{ name: "chat", concurrency: 20 }],
  depths: new Map(over.depth === undefined ? [] : [["chat", over.depth]]),
  servers: { broker: true, adapter: true, store: true },
  members: [],
  ...over,
});

describe("aggregate: gateways and workers", () => {
  const cases: [string, Gathered, { gateways: string[]; workers: string[] }][] = [
    ["a gateway alone tells of itself", gathered(), { gateways: ["own"], workers: [] }],
    [
      "others that have reported are in it",
      gathered({ gateways: [heard(gateway("g2"))], workers: [heard(worker("w1"))] }),
      { gateways: ["own", "g2"], workers: ["w1"] },
    ],
    [
      "its own report over the bus is not told twice",
      gathered({ gateways: [heard(gateway("own", 1))] }),
      { gateways: ["own"], workers: [] },
    ],
    [
      "a report as old as the limit counts",
      gathered({ workers: [heard(worker("w1"), STALE_MS)] }),
      { gateways: ["own"], workers: ["w1"] },
    ],
    [
      "an older one is left out",
      gathered({ gateways: [heard(gateway("g2"), STALE_MS + 1)], workers: [heard(worker("w1"), STALE_MS + 1)] }),
      { gateways: ["own"], workers: [] },
    ],
  ];
  test.each(cases)("%s", (_sentence, given, then) => {
    const { gateways, workers } = aggregate(given);
    expect({ gateways: gateways.map(({ node }) => node), workers: workers.map(({ node }) => node) }).toEqual(then);
  });
});

describe("aggregate: pools", () => {
  const busy = worker("w1", { inHand: [job("1"), job("2")] });
  const later = AT + 2000;
  const cases: [string, Gathered, Gathered | undefined, object][] = [
    ["an unknown depth has no numbers", gathered(), undefined, { pool: "chat" }],
    [
      "a known depth is told as it is",
      gathered({ depth: { ready: 5, unacked: 4, dead: 1 }, workers: [heard(busy)] }),
      undefined,
      { pool: "chat", ready: 5, unacked: 4, dead: 1 },
    ],
    [
      "where the broker cannot tell what is unacked, it is what the workers have in hand",
      gathered({
        depth: { ready: 5, dead: 0 },
        workers: [
          heard(busy),
          heard(worker("w2", { inHand: [job("3")] })),
          heard(worker("w3", { pool: "mail", inHand: [job("4")] })),
        ],
      }),
      undefined,
      { pool: "chat", ready: 5, unacked: 3, dead: 0 },
    ],
    [
      "what workers have taken and not begun waits, too",
      gathered({
        depth: { ready: 5, dead: 0 },
        workers: [
          heard(worker("w1", { inHand: [job("1")], waiting: 30 })),
          heard(worker("w3", { pool: "mail", waiting: 9 })),
        ],
      }),
      undefined,
      { pool: "chat", ready: 35, unacked: 1, dead: 0 },
    ],
    [
      "what would wait beside a free hand is told apart, as the broker and the workers know it",
      gathered({
        depth: { ready: 5, blocked: 2, dead: 0 },
        workers: [heard(worker("w1", { waiting: 30, blocked: 10 }))],
      }),
      undefined,
      { pool: "chat", ready: 35, blocked: 12, unacked: 0, dead: 0 },
    ],
    [
      "and is all that waits, where it is all that workers hold: what comes behind it is not given to them before",
      gathered({
        depth: { ready: 500, dead: 0 },
        workers: [heard(worker("w1", { waiting: 31, blocked: 31 })), heard(worker("w2"))],
      }),
      undefined,
      { pool: "chat", ready: 531, blocked: 531, unacked: 0, dead: 0 },
    ],
    [
      "what is in hand is unknown while a worker of the pool has not told it",
      gathered({
        depth: { ready: 5, dead: 0 },
        workers: [heard(worker("w1", { inHand: [job("1")], stopping: true })), heard(worker("w2"), STALE_MS + 1)],
        members: ["w1", "w2"].map((node) => ({ node, pool: "chat" })),
      }),
      undefined,
      { pool: "chat", ready: 5, dead: 0 },
    ],
    [
      "and while no report can come",
      gathered({ depth: { ready: 0, dead: 0 }, servers: { broker: true, adapter: false, store: true } }),
      undefined,
      { pool: "chat", ready: 0, dead: 0 },
    ],
    [
      "not where the broker tells it",
      gathered({
        depth: { ready: 0, unacked: 3, dead: 0 },
        members: [{ node: "w1", pool: "chat" }],
      }),
      undefined,
      { pool: "chat", ready: 0, unacked: 3, dead: 0 },
    ],
    [
      "nor while it is another pool's that has not",
      gathered({ depth: { ready: 0, dead: 0 }, members: [{ node: "w2", pool: "mail" }] }),
      undefined,
      { pool: "chat", ready: 0, unacked: 0, dead: 0 },
    ],
    [
      "what is in the hands of workers that go is told apart",
      gathered({
        depth: { ready: 5, dead: 0 },
        workers: [heard(busy), heard(worker("w2", { inHand: [job("3")], stopping: true }))],
      }),
      undefined,
      { pool: "chat", ready: 5, unacked: 3, leaving: 1, dead: 0 },
    ],
    [
      "of what is in hand, no more leaves than the broker says is there",
      gathered({
        depth: { ready: 0, unacked: 1, dead: 0 },
        workers: [heard(worker("w2", { inHand: [job("3"), job("4")], stopping: true }))],
      }),
      undefined,
      { pool: "chat", ready: 0, unacked: 1, leaving: 1, dead: 0 },
    ],
    [
      "rates are per second, from what workers ended and how the backlog changed",
      gathered({
        at: later,
        depth: { ready: 30, unacked: 2, dead: 0 },
        workers: [heard(worker("w1", { done: 118, failed: 2 }), 0, later)],
      }),
      gathered({ depth: { ready: 20, unacked: 2, dead: 0 }, workers: [heard(worker("w1", { done: 100 }))] }),
      { pool: "chat", ready: 30, unacked: 2, dead: 0, outRate: 10, failedRate: 1, inRate: 15 },
    ],
    [
      "a worker that was not heard before adds nothing to the rates",
      gathered({
        at: later,
        depth: { ready: 0, unacked: 0, dead: 0 },
        workers: [heard(worker("w1", { done: 500 }), 0, later)],
      }),
      gathered({ depth: { ready: 0, unacked: 0, dead: 0 } }),
      { pool: "chat", ready: 0, unacked: 0, dead: 0, outRate: 0, failedRate: 0, inRate: 0 },
    ],
    [
      "a backlog that shrinks without workers' doing is no negative rate",
      gathered({ at: later, depth: { ready: 0, unacked: 0, dead: 0 } }),
      gathered({ depth: { ready: 10, unacked: 0, dead: 0 } }),
      { pool: "chat", ready: 0, unacked: 0, dead: 0, outRate: 0, failedRate: 0, inRate: 0 },
    ],
    [
      "without a depth the rate in is unknown, the rate out is not",
      gathered({ at: later, workers: [heard(worker("w1", { done: 4 }), 0, later)] }),
      gathered({ workers: [heard(worker("w1"))] }),
      { pool: "chat", outRate: 2, failedRate: 0 },
    ],
    [
      "two gatherings at the same moment have no rates",
      gathered({ depth: { ready: 1, unacked: 0, dead: 0 } }),
      gathered({ depth: { ready: 0, unacked: 0, dead: 0 } }),
      { pool: "chat", ready: 1, unacked: 0, dead: 0 },
    ],
  ];
  test.each(cases)("%s", (_sentence, now, before, then) => {
    expect(aggregate(now, before).pools).toEqual([then]);
  });
});

describe("how many jobs of a pool are no news", () => {
  const full = Array.from({ length: 20 }, (_, i) => job(String(i)));
  const cases: [string, Parameters<typeof gathered>[0], number | undefined][] = [
    ["none where there is no worker", { depth: { ready: 0, dead: 0 } }, 0],
    [
      "none where the depth is unknown, which nothing that is taken changes",
      { workers: [heard(worker("w1"))] },
      undefined,
    ],
    [
      "as many as there are free hands",
      { depth: { ready: 0, dead: 0 }, workers: [heard(worker("w1", { inHand: [job("1")] }))] },
      19,
    ],
    [
      "no hands of a worker that goes",
      { depth: { ready: 0, dead: 0 }, workers: [heard(worker("w1", { stopping: true }))] },
      0,
    ],
    [
      "no hands of another pool's",
      { depth: { ready: 0, dead: 0 }, workers: [heard(worker("w1", { pool: "mail" }))] },
      0,
    ],
    [
      "also while one has not told what it has in hand",
      {
        depth: { ready: 30, dead: 0 },
        workers: [heard(worker("w1", { inHand: full }))],
        members: [{ node: "w2", pool: "chat" }],
      },
      25,
    ],
    ["what waits takes the free hands", { depth: { ready: 15, dead: 0 }, workers: [heard(worker("w1"))] }, 8],
    [
      "half of what waits and is in hand, where all hands are full",
      { depth: { ready: 80, dead: 0 }, workers: [heard(worker("w1", { inHand: full }))] },
      50,
    ],
    [
      "a gateway's share of them",
      {
        depth: { ready: 0, dead: 0 },
        workers: [heard(worker("w1"))],
        gateways: [heard(gateway("g2")), heard(gateway("g3"))],
      },
      7,
    ],
  ];
  test.each(cases)("%s", (_sentence, given, then) => {
    const it = gathered(given);
    expect(roomOf(aggregate(it), it.pools)["chat"]).toBe(then);
  });

  test("what the workers end meanwhile is no news either", () => {
    const it = gathered({ depth: { ready: 0, dead: 0 }, workers: [heard(worker("w1"))] });
    const snapshot = aggregate(it);
    const busy = { ...snapshot, pools: snapshot.pools.map((pool) => ({ ...pool, outRate: 100 })) };
    expect(roomOf(busy, it.pools)).toEqual({ chat: 170 });
  });
});

test("between two gatherings rates stay as they were, and new pools have none", () => {
  const last = { ...aggregate(gathered()), pools: [{ pool: "chat", ready: 1, inRate: 5, outRate: 4 }] };
  const next = aggregate(gathered({ depth: { ready: 9, unacked: 0, dead: 0 } }));
  expect(withRatesOf(next, last).pools).toEqual([
    { pool: "chat", ready: 9, unacked: 0, dead: 0, inRate: 5, outRate: 4 },
  ]);
  expect(withRatesOf(next, undefined).pools).toEqual(next.pools);
});
