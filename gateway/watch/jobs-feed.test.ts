import { describe, expect, test } from "@jest/globals";
import { Refusal } from "#crds";
import { silentLog } from "#process";
import type { Ledger, LedgerEntry } from "#store";
import { eventually } from "#testing";
import { Registry } from "prom-client";
import { openJobsFeed } from "./jobs-feed.ts";

type Overview = Awaited<ReturnType<Ledger["overview"]>>;

const entry = (id: string, over: Partial<LedgerEntry> = {}): LedgerEntry => ({
  id,
  user: "ann",
  pool: "chat",
  event: "chat:slow",
  state: "running",
  attempt: 1,
  ...over,
});

const overview = (over: Partial<Overview> = {}): Overview => ({
  waiting: 0,
  queued: [],
  running: [],
  finished: [],
  ...over,
});

/** A ledger that says what it is told to, and a record of what subscribers and single sockets got. */
const open = ({ pools = ["chat"] } = {}) => {
  const state = { overview: overview(), away: false, reads: 0, clock: 0 };
  const emitted: unknown[] = [];
  const registry = new Registry();
  const feed = openJobsFeed({
    ledger: {
      overview: async () => {
        state.reads += 1;
        if (state.away) throw new Refusal("store_unavailable");
        return state.overview;
      },
    },
    pools: () => pools.map((name) => ({ name, timeoutSeconds: 30 })),
    local: (channel) => ({ emit: (event, ...args) => emitted.push([channel, event, ...args]) }),
    log: silentLog(),
    registry,
    now: () => state.clock,
    everyMs: 5,
  });
  const greet = () => {
    const got: unknown[] = [];
    feed.onSubscribed("jobs:chat", { emit: (event, ...args) => got.push([event, ...args]) });
    return got;
  };
  return { feed, state, emitted, greet, registry, [Symbol.dispose]: () => feed[Symbol.dispose]() };
};

const empty = { pool: "chat", waiting: 0, queued: [], running: [], finished: [] };

describe("the feed of jobs:<pool>", () => {
  test("reads nothing while nobody here has subscribed, and nothing for other channels or unknown pools", async () => {
    using opened = open();
    const { feed, state, emitted } = opened;
    feed.onLocalChannel("lobby", true);
    feed.onLocalChannel("jobs:nosuch", true);
    feed.onLocalChannel("jobs:chat", true);
    feed.onLocalChannel("jobs:chat", false);
    const { reads } = state;
    feed.onLocalChannel("jobs:nosuch", false);
    expect(reads).toBe(1);
    expect(emitted).toEqual([]);
  });

  test("the first subscriber's picture comes at once, the next ones' from what was seen last", async () => {
    using opened = open();
    const { feed, emitted, greet } = opened;
    expect(greet()).toEqual([]);
    feed.onLocalChannel("jobs:chat", true);
    await eventually(() => expect(emitted).toEqual([["jobs:chat", "jobs", empty]]));
    expect(greet()).toEqual([["jobs", empty]]);
  });

  test("a picture is told when it has changed, not otherwise", async () => {
    using opened = open();
    const { feed, state, emitted } = opened;
    feed.onLocalChannel("jobs:chat", true);
    await eventually(() => expect(state.reads).toBeGreaterThan(3));
    expect(emitted).toHaveLength(1);
    state.overview = overview({ waiting: 1, queued: [entry("1", { state: "queued" })] });
    await eventually(() => expect(emitted).toHaveLength(2));
    state.overview = overview({ running: [entry("1", { progress: 0.5 })] });
    await eventually(() => expect(emitted).toHaveLength(3));
    expect(emitted.at(-1)).toEqual(["jobs:chat", "jobs", { ...empty, running: [entry("1", { progress: 0.5 })] }]);
  });

  test("a job whose worker was killed before it had written the end does not run for ever", async () => {
    using opened = open();
    const { feed, state, emitted } = opened;
    state.clock = 1_000_000;
    const [stale, recent] = [entry("1", { startedAt: 900_000 }), entry("2", { startedAt: 990_000 })];
    state.overview = overview({ running: [stale, recent] });
    feed.onLocalChannel("jobs:chat", true);
    await eventually(() => expect(emitted).toEqual([["jobs:chat", "jobs", { ...empty, running: [recent] }]]));
  });

  test("results are not in it, users and errors are", async () => {
    using opened = open();
    const { feed, state, emitted } = opened;
    const error = { code: "failed", message: "it broke" };
    state.overview = overview({
      finished: [entry("1", { state: "done", result: "secret" }), entry("2", { state: "failed", error })],
    });
    feed.onLocalChannel("jobs:chat", true);
    await eventually(() => expect(emitted).toHaveLength(1));
    const finished = [entry("1", { state: "done" }), entry("2", { state: "failed", error })];
    expect(emitted).toEqual([["jobs:chat", "jobs", { ...empty, finished }]]);
  });

  test("while the store is away it says so once, counts the failures, waits, and goes on when it is back", async () => {
    using opened = open();
    const { feed, state, emitted, greet, registry } = opened;
    const away = { pool: "chat", unavailable: true };
    feed.onLocalChannel("jobs:chat", true);
    await eventually(() => expect(emitted).toHaveLength(1));
    state.away = true;
    await eventually(() => expect(emitted).toHaveLength(2));
    expect(emitted[1]).toEqual(["jobs:chat", "jobs", away]);
    expect(greet()).toEqual([["jobs", away]]);
    const { reads } = state;
    state.clock += 1000;
    await eventually(() => expect(state.reads).toBe(reads + 1));
    state.away = false;
    state.clock += 1000;
    await eventually(() => expect(emitted).toHaveLength(3));
    expect(emitted[2]).toEqual(["jobs:chat", "jobs", empty]);
    expect(await registry.metrics()).toMatch(/realtime_feed_read_failures_total [12]\n/);
  });

  test("after the last has gone, the next first one starts from nothing", async () => {
    using opened = open();
    const { feed, emitted, greet } = opened;
    feed.onLocalChannel("jobs:chat", true);
    await eventually(() => expect(emitted).toHaveLength(1));
    feed.onLocalChannel("jobs:chat", false);
    expect(greet()).toEqual([]);
    feed.onLocalChannel("jobs:chat", true);
    await eventually(() => expect(emitted).toHaveLength(2));
  });
});
