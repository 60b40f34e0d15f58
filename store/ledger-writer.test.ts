import { randomUUID } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { Refusal, type LedgerEntry } from "#crds";
import { silentLog } from "#process";
import { openRedisStore } from "#store/redis";
import { eventually, startServer } from "#testing";
import { createLedgerWriter, type LedgerWriterOptions } from "./ledger-writer.ts";

const entry = (id: string, given: Partial<LedgerEntry> = {}): LedgerEntry => ({
  id,
  pool: "p",
  event: "e",
  state: "queued",
  attempt: 1,
  ...given,
});

/** A ledger whose calls the test settles itself. */
const fakeLedger = () => {
  const calls: { entries: readonly LedgerEntry[]; resolve: () => void; reject: (error: unknown) => void }[] = [];
  let open = 0;
  let most = 0;
  return {
    calls,
    most: () => most,
    record: (entries: readonly LedgerEntry[]) => {
      most = Math.max(most, ++open);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      calls.push({ entries, resolve, reject });
      return promise.finally(() => open--);
    },
    at: (index: number) =>
      eventually(() => {
        const call = calls[index];
        if (call === undefined) throw new Error(`there is no call ${index}`);
        return call;
      }),
  };
};

const start = (options: Partial<LedgerWriterOptions> = {}) => {
  const ledger = fakeLedger();
  const registry = new Registry();
  const writer = createLedgerWriter({ ledger, log: silentLog(), registry, flushMs: 5, random: () => 0, ...options });
  const dropped = async () => {
    const [value] = (await registry.getSingleMetric("realtime_ledger_dropped_total")?.get())?.values ?? [];
    return value?.value;
  };
  return { ledger, writer, dropped };
};

const away = () => new Refusal("store_unavailable");

describe("the ledger's writer", () => {
  test("merges a job's entries and writes them in one batch", async () => {
    const { ledger, writer } = start();
    writer.record(entry("1", { queuedAt: 1 }));
    writer.record(entry("2"));
    writer.record(entry("1", { state: "running", worker: "w" }));
    writer.record(entry("1", { state: "done", result: 5 }));
    const { entries, resolve } = await ledger.at(0);
    expect(entries).toEqual([entry("1", { state: "done", queuedAt: 1, worker: "w", result: 5 }), entry("2")]);
    resolve();
    await writer[Symbol.asyncDispose]();
    expect(ledger.calls).toHaveLength(1);
  });

  test("writes a full batch at once, and one batch at a time", async () => {
    const { ledger, writer } = start({ flushMs: 3_600_000, batch: 3 });
    for (let index = 0; index < 8; index++) writer.record(entry(String(index)));
    expect(ledger.calls).toHaveLength(1);
    ledger.calls[0]?.resolve();
    (await ledger.at(1)).resolve();
    const closed = writer[Symbol.asyncDispose]();
    (await ledger.at(2)).resolve();
    await closed;
    expect(ledger.calls.map(({ entries }) => entries.length)).toEqual([3, 3, 2]);
    expect(ledger.most()).toBe(1);
  });

  test("keeps what the store did not take, under what came since, and writes it again", async () => {
    const { ledger, writer, dropped } = start();
    writer.record(entry("1", { state: "running", worker: "w", progress: 1 }));
    const first = await ledger.at(0);
    writer.record(entry("1", { state: "running", progress: 2 }));
    writer.record(entry("2"));
    first.reject(away());
    const second = await ledger.at(1);
    expect(second.entries).toEqual([entry("1", { state: "running", worker: "w", progress: 2 }), entry("2")]);
    second.resolve();
    await writer[Symbol.asyncDispose]();
    expect(await dropped()).toBe(0);
  });

  test("drops and counts what is too much, never what is known already", async () => {
    const { ledger, writer, dropped } = start({ maxPending: 2 });
    writer.record(entry("1"));
    writer.record(entry("2"));
    writer.record(entry("3"));
    writer.record(entry("1", { state: "done" }));
    const { entries, resolve } = await ledger.at(0);
    expect(entries).toEqual([entry("1", { state: "done" }), entry("2")]);
    expect(await dropped()).toBe(1);
    resolve();
    await writer[Symbol.asyncDispose]();
  });

  test("drops a batch that the store cannot take for another reason, and goes on", async () => {
    const { ledger, writer, dropped } = start();
    writer.record(entry("1"));
    (await ledger.at(0)).reject(new Error("bad"));
    await eventually(async () => expect(await dropped()).toBe(1));
    writer.record(entry("2"));
    const next = await ledger.at(1);
    expect(next.entries).toEqual([entry("2")]);
    next.resolve();
    await writer[Symbol.asyncDispose]();
  });

  test("closing while the store is away ends, and counts what is lost", async () => {
    const { ledger, writer, dropped } = start({ closeMs: 0 });
    writer.record(entry("1"));
    const first = await ledger.at(0);
    const closed = writer[Symbol.asyncDispose]();
    first.reject(away());
    await closed;
    expect(await dropped()).toBe(1);
  });

  test("a Redis that is killed and started again has every job in the end", async () => {
    await using server = await startServer("redis");
    const settings = async () => ({ uri: server.uri });
    const log = silentLog();
    const registry = new Registry();
    await using store = await openRedisStore({ cluster: randomUUID(), node: "n", settings, log, registry });
    const writer = createLedgerWriter({ ledger: store.ledger, log, registry, flushMs: 5 });
    const ids = Array.from({ length: 1500 }, (_, index) => String(index));
    for (const id of ids.slice(0, 500)) writer.record(entry(id));
    await eventually(async () => expect(await store.ledger.get(undefined, "0")).toBeDefined());
    await server.kill();
    for (const id of ids) writer.record(entry(id, { state: "running" }));
    await eventually(() => expect(store.connected()).toBe(false));
    for (const id of ids) writer.record(entry(id, { state: "done" }));
    await server.start();
    await eventually(
      async () => {
        for (const id of ["0", "700", "1499"])
          expect(await store.ledger.get(undefined, id)).toMatchObject({ state: "done" });
      },
      { timeoutMs: 30_000 },
    );
    await writer[Symbol.asyncDispose]();
    expect((await store.ledger.overview("p", 5)).waiting).toBe(0);
    expect(await registry.metrics()).toContain("realtime_ledger_dropped_total 0");
  });
});
