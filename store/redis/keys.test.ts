import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { Registry } from "prom-client";
import { jobKey, mergeEntry, type LedgerEntry, type LedgerRecord } from "#crds";
import { silentLog } from "#process";
import { sharedServer } from "#testing";
import type { Store } from "../port.ts";
import { openRedisStore } from "./index.ts";

const cluster = `keys-${randomUUID()}`;
const prefix = `realtime:{${cluster}}:`;
const DAY = 24 * 3_600_000;

/** Pseudo-random, the same in every run. */
const random = (seed: number) => () => {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
  return seed / 2_147_483_648;
};

describe("the store's keys in Redis", () => {
  let store: Store;
  let redis: Redis;
  beforeAll(async () => {
    const { uri } = await sharedServer("redis");
    redis = new Redis(uri);
    const settings = async () => ({ uri });
    store = await openRedisStore({ cluster, node: "n", settings, log: silentLog(), registry: new Registry() });
  });
  afterAll(async () => {
    redis.disconnect();
    await store[Symbol.asyncDispose]();
  });
  const keys = async () =>
    (await redis.keys(`${prefix.replaceAll(/[[\]*?\\]/g, "\\$&")}*`)).filter((key) => !key.endsWith(":epoch"));

  test("nothing is left of connections that are gone", async () => {
    for (const socket of ["1", "2"]) {
      await store.presence.connect("n", socket, "ann", 5);
      for (const channel of ["x", "y"]) await store.presence.enter("n", socket, "ann", channel);
    }
    expect(await keys()).not.toEqual([]);
    await store.presence.leave("n", "1", "ann", "x");
    await store.presence.disconnect("n", "1");
    await store.presence.disconnect("n", "2");
    expect(await keys()).toEqual([]);
  });

  test("every other key expires", async () => {
    await store.ledger.record([
      { id: "1", pool: "p", event: "e", state: "done", attempt: 1, endedAt: Date.now() },
      { id: "2", pool: "p", event: "e", state: "queued", attempt: 1, queuedAt: Date.now() },
    ]);
    await store.ledger.requestCancel("ann", "1");
    await store.ids.begin("ann/1", { gateway: "g", event: "e" });
    await store.revocations.revoke({ jti: "t" }, 60);
    await store.revocations.revoke({ user: "u", before: 1 }, 60);
    await store.history.append("c", { id: "1", event: "e", args: [], at: 1 }, { maxMessages: 5, ttlSeconds: 60 });
    const left = async (key: string) => redis.pttl(prefix + key);
    const near = async (key: string, ms: number) => {
      const ttl = await left(key);
      expect({ key, ttl: ttl > ms - 30_000 && ttl <= ms }).toEqual({ key, ttl: true });
    };
    await near("job:/1", DAY);
    await near("job:/2", 7 * DAY);
    await near("cancel:ann/1", DAY);
    await near("id:ann/1", DAY);
    await near("revoked:jti:t", 60_000);
    await near("revoked:user:u", 60_000);
    await near("history:c", 60_000);
  });

  test("a list forgets jobs that have expired", async () => {
    await store.ledger.record([{ id: "gone", pool: "lapsed", event: "e", state: "running", attempt: 1 }]);
    await redis.del(`${prefix}job:/gone`);
    expect(await store.ledger.overview("lapsed", 5)).toEqual({ waiting: 0, queued: [], running: [], finished: [] });
    expect(await redis.exists(`${prefix}list:running:lapsed`)).toBe(0);
  });

  test("Lua merges as mergeEntry does, whatever comes in whatever batches", async () => {
    const next = random(7);
    const pick = <T>(...values: T[]): T => values[Math.floor(next() * values.length)] as T;
    const entries = Array.from({ length: 3000 }, (): LedgerEntry => {
      const state = pick("queued", "running", "retrying", "done", "failed", "cancelled");
      return {
        id: `j${Math.floor(next() * 300)}`,
        user: "u",
        pool: pick("merge-p", "merge-p", "merge-p", "merge-q"),
        event: "e",
        state,
        attempt: pick(1, 1, 2, 3),
        progress: pick<unknown>(undefined, undefined, 1, null, { list: [] }),
        result: pick<unknown>(undefined, "r", [0.1]),
        error: pick(undefined, undefined, { code: "c", message: `m${Math.floor(next() * 9)}` }),
        worker: pick(undefined, "w1", "w2"),
        queuedAt: pick(undefined, Date.now(), Date.now() - 0.5),
        startedAt: pick(undefined, Date.now()),
        endedAt: pick(undefined, Date.now()),
      };
    });
    const expected = new Map<string, LedgerRecord>();
    for (const entry of entries) {
      const key = jobKey(entry.user, entry.id);
      expected.set(key, mergeEntry(expected.get(key), entry));
    }
    for (let from = 0; from < entries.length;) {
      const size = 1 + Math.floor(next() * 200);
      await store.ledger.record(entries.slice(from, from + size));
      from += size;
    }
    for (const { entry } of expected.values()) expect(await store.ledger.get(entry.user, entry.id)).toEqual(entry);
    for (const pool of ["merge-p", "merge-q"]) {
      const { waiting, running } = await store.ledger.overview(pool, 1000);
      const of = (...states: string[]) =>
        [...expected.values()].filter(({ entry }) => entry.pool === pool && states.includes(entry.state)).length;
      expect({ pool, waiting, running: running.length }).toEqual({
        pool,
        waiting: of("queued", "retrying"),
        running: of("running"),
      });
    }
  });
});
