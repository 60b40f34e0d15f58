import { beforeEach, describe, expect, test } from "@jest/globals";
import type { LedgerEntry } from "#crds";
import { ExpiringMap } from "./expiring.ts";
import { memoryStore, type MemoryStore } from "./memory.ts";

const DAY = 24 * 3_600_000;

describe("the hub's store in memory", () => {
  let now: number;
  let store: MemoryStore;
  beforeEach(() => {
    now = 1000;
    store = memoryStore({ clock: () => now });
  });
  const entry = (id: string, state: LedgerEntry["state"]): LedgerEntry => ({
    id,
    pool: "p",
    event: "e",
    state,
    attempt: 1,
  });
  const key = { key: "ann/1", gateway: "g", event: "e" };

  test("a finished job is forgotten after a day, one that waits after seven", () => {
    store.record([entry("1", "done"), entry("2", "queued")]);
    now += DAY;
    store.sweep();
    expect(store.get({ id: "1" })).toBeNull();
    expect(store.get({ id: "2" })).not.toBeNull();
    expect(store.overview({ pool: "p", limit: 5 })).toMatchObject({ waiting: 1, finished: [] });
    now += 6 * DAY;
    expect(store.get({ id: "2" })).toBeNull();
    store.sweep();
    expect(store.overview({ pool: "p", limit: 5 })).toMatchObject({ waiting: 0, queued: [] });
  });

  test("jobs that wait are kept up to 100,000 a pool", () => {
    store.record(Array.from({ length: 100_010 }, (_, index) => entry(String(index), "queued")));
    expect(store.overview({ pool: "p", limit: 1 }).waiting).toBe(100_000);
    store.record([entry("100005", "running")]);
    expect(store.get({ id: "100005" })).toMatchObject({ state: "running" });
  });

  test("an id is new again after a day, and a cancellation gone", () => {
    store.begin(key);
    store.requestCancel({ id: "1" });
    now += DAY - 1;
    expect(store.begin(key)).toEqual({ state: "pending", event: "e" });
    expect(store.cancelRequested({ id: "1" })).toBe(true);
    now += 1;
    expect(store.begin(key)).toEqual({ state: "new" });
    expect(store.cancelRequested({ id: "1" })).toBe(false);
  });

  test("a revocation of longer life or wider reach is not cut by another", () => {
    store.revokeUser({ user: "u", before: 100, ttlSeconds: 60 });
    store.revokeUser({ user: "u", before: 50, ttlSeconds: 1 });
    store.revokeToken({ jti: "t", ttlSeconds: 60 });
    store.revokeToken({ jti: "t", ttlSeconds: 1 });
    now += 59_000;
    expect(store.isRevoked({ user: "u", issuedAt: 99 })).toBe(true);
    expect(store.isRevoked({ user: "x", jti: "t", issuedAt: 99 })).toBe(true);
    now += 1000;
    expect(store.isRevoked({ user: "u", jti: "t", issuedAt: 1 })).toBe(false);
  });

  test("a map drops its oldest when there are too many, and frees what has gone", () => {
    const map = new ExpiringMap<number>(2, () => now);
    map.set("a", 1, now + 10);
    map.set("b", 2, now + 10);
    map.set("a", 3, now + 20);
    map.set("c", 4, now + 10);
    expect([map.get("a"), map.get("b"), map.get("c")]).toEqual([3, undefined, 4]);
    now += 10;
    map.sweep();
    expect(map.size).toBe(1);
    now += 10;
    expect(map.get("a")).toBeUndefined();
    expect(map.size).toBe(0);
  });
});
