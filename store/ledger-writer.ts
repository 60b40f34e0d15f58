import { setTimeout as wait } from "node:timers/promises";
import type { Registry } from "prom-client";
import { jobKey, mergeEntry, Refusal, type LedgerEntry, type LedgerRecord } from "#crds";
import { counter, type Log } from "#process";
import type { Ledger } from "./port.ts";

export interface LedgerWriterOptions {
  ledger: Pick<Ledger, "record">;
  log: Log;
  registry: Registry;
  flushMs?: number;
  batch?: number;
  /** Jobs that wait to be written at most. */
  maxPending?: number;
  /** How long closing tries to write what is left. */
  closeMs?: number;
  random?: () => number;
}

/** Feeds the ledger off the hot path. */
export interface LedgerWriter extends AsyncDisposable {
  /** Never throws and never waits. Entries of one job are merged until they are written. */
  record(entry: LedgerEntry): void;
}

const MAX_BACKOFF_MS = 5000;

/**
 * Writes at most one batch at a time, when one is full or `flushMs` after the first entry. While the store is away it keeps up to
 * `maxPending` jobs and tries again with backoff; what it must drop is counted in `realtime_ledger_dropped_total`. Closing writes what
 * is left.
 */
export const createLedgerWriter = ({
  ledger,
  log,
  registry,
  flushMs = 50,
  batch = 500,
  maxPending = 10_000,
  closeMs = 2000,
  random = Math.random,
}: LedgerWriterOptions): LedgerWriter => {
  const dropped = counter(registry, {
    name: "realtime_ledger_dropped_total",
    help: "Jobs whose entries did not get into the ledger",
  });
  const pending = new Map<string, LedgerRecord>();
  const closing = new AbortController();
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> | undefined;

  const take = (): Map<string, LedgerRecord> => {
    const taken = new Map(pending.entries().take(batch));
    for (const key of taken.keys()) pending.delete(key);
    return taken;
  };
  const putBack = (taken: Map<string, LedgerRecord>) => {
    for (const [key, record] of taken) {
      const newer = pending.get(key);
      if (newer !== undefined || pending.size < maxPending)
        pending.set(key, newer === undefined ? record : mergeEntry(record, newer.entry));
      else dropped.inc();
    }
  };
  const writeBatch = async (): Promise<void> => {
    const taken = take();
    try {
      await ledger.record([...taken.values()].map(({ entry }) => entry));
      if (failures > 0) log.info("the ledger is written again");
      failures = 0;
    } catch (error) {
      if (failures++ === 0) log.warn({ err: error }, "the ledger cannot be written");
      if (error instanceof Refusal && error.code === "store_unavailable") putBack(taken);
      else dropped.inc(taken.size);
    }
  };
  const backoffMs = () => Math.min(MAX_BACKOFF_MS, 100 * 2 ** Math.min(failures, 10)) * (0.5 + random() / 2);
  const plan = () => {
    if (writing !== undefined || pending.size === 0 || closing.signal.aborted) return;
    const full = pending.size >= batch && failures === 0;
    if (full) return write();
    timer ??= setTimeout(write, failures > 0 ? backoffMs() : flushMs);
  };
  const write = () => {
    clearTimeout(timer);
    timer = undefined;
    writing = writeBatch().finally(() => {
      writing = undefined;
      plan();
    });
  };

  return {
    record(entry) {
      const key = jobKey(entry.user, entry.id);
      const held = pending.get(key);
      if (held === undefined && pending.size >= maxPending) return dropped.inc();
      pending.set(key, mergeEntry(held, entry));
      if (timer === undefined || pending.size === batch) plan();
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      clearTimeout(timer);
      const end = performance.now() + closeMs;
      await writing;
      while (pending.size > 0 && performance.now() < end) {
        await writeBatch();
        if (failures > 0 && pending.size > 0) await wait(100);
      }
      if (pending.size === 0) return;
      dropped.inc(pending.size);
      log.warn({ jobs: pending.size }, "the ledger was not written to its end");
    },
  };
};
