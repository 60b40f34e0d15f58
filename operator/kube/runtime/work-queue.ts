import { Registry } from "prom-client";
import { backoffMs, type Backoff, type Log } from "#process";
import { systemClock, type Clock } from "./clock.ts";
import { queueMetrics } from "./metrics.ts";
import { tokenBucket } from "./token-bucket.ts";

/** How a pass ended: done, or to be looked at again. A throw is retried with backoff. */
export interface PassOutcome {
  requeueAfterMs?: number;
}

/** Keys to look at. One key is never looked at twice at once; one that is added while it is looked at is looked at once more. */
export interface Queue extends AsyncDisposable {
  add(key: string): void;
}

export interface WorkQueue extends Queue {
  /** Asks for a look in `ms`; of several moments asked for, the earliest counts. */
  addAfter(key: string, ms: number): void;
  /** The key that has been in work longest. */
  longestRunning(): { key: string; ms: number } | undefined;
}

export interface WorkQueueOptions {
  log: Log;
  /** Names the queue in its metrics. */
  name?: string;
  registry?: Registry;
  /** Passes that may be under way at once. */
  concurrency?: number;
  /** Between the attempts of one key. */
  backoff?: Backoff;
  /** How soon after a failure an `add` may bring the key back. */
  earliestMs?: number;
  /** Retries of all keys together. */
  retries?: { perSecond: number; burst: number };
  clock?: Clock;
  random?: () => number;
}

interface Entry {
  /** In a row. */
  failures: number;
  /** No `add` brings it back before this moment. */
  notBefore: number;
  /** When to look (again); undefined while nobody asks, and once it is due. */
  dueAt: number | undefined;
  timer: Disposable | undefined;
}

const MEASURED_EVERY_MS = 1000;

/**
 * Runs `pass` for each key that is added, in the order in which they become due. Disposing waits for the passes under way and starts no more.
 *
 * A pass that throws is repeated after the key's backoff, or later where the rate of all retries is used up. An `add` meanwhile may be
 * the mend, so it does not wait for the backoff: the key is looked at at once, but not within `earliestMs` of its last failure. What
 * stays broken and is added all the time is thus looked at once per `earliestMs`, no oftener, whatever adds it (its own pass, too).
 */
export const startWorkQueue = (
  pass: (key: string) => Promise<PassOutcome>,
  {
    log,
    name = "work",
    registry = new Registry(),
    concurrency = 4,
    backoff = { minMs: 200, maxMs: 30_000 },
    earliestMs = 1000,
    retries = { perSecond: 10, burst: 100 },
    clock = systemClock,
    random = Math.random,
  }: WorkQueueOptions,
): WorkQueue => {
  const metrics = queueMetrics(registry, name);
  const bucket = tokenBucket(retries, clock.now);
  const entries = new Map<string, Entry>();
  /** Since when each is due, and in work; in that order. */
  const due = new Map<string, number>();
  const inWork = new Map<string, number>();
  const passes = new Set<Promise<void>>();
  let stopped = false;

  const measure = () => {
    let sum = 0;
    for (const since of inWork.values()) sum += clock.now() - since;
    const [oldest = clock.now()] = inWork.values();
    metrics.unfinished.set(sum / 1000);
    metrics.longest.set((clock.now() - oldest) / 1000);
    metrics.depth.set(due.size);
  };
  const measuring = setInterval(measure, MEASURED_EVERY_MS).unref();

  const run = async (key: string, entry: Entry): Promise<void> => {
    const start = clock.now();
    try {
      const { requeueAfterMs } = await pass(key);
      entry.failures = 0;
      entry.notBefore = 0;
      if (requeueAfterMs !== undefined) schedule(entry, requeueAfterMs);
    } catch (error) {
      entry.failures += 1;
      entry.notBefore = clock.now() + earliestMs;
      if (entry.dueAt !== undefined) entry.dueAt = Math.max(entry.dueAt, entry.notBefore);
      schedule(entry, Math.max(backoffMs(entry.failures, backoff, random), bucket.reserve()));
      log.error({ err: error, key, failures: entry.failures }, "a pass failed and will be repeated");
    }
    metrics.work.observe((clock.now() - start) / 1000);
    inWork.delete(key);
    if (entry.dueAt === undefined) entries.delete(key);
    else arm(key, entry);
    startDue();
  };

  const startDue = (): void => {
    for (const [key, since] of due) {
      if (stopped || inWork.size >= concurrency) break;
      const entry = entries.get(key);
      due.delete(key);
      if (entry === undefined) continue;
      metrics.queued.observe((clock.now() - since) / 1000);
      inWork.set(key, clock.now());
      const promise = run(key, entry);
      passes.add(promise);
      void promise.finally(() => passes.delete(promise));
    }
    measure();
  };

  const schedule = (entry: Entry, ms: number): void => {
    if (ms > 0) metrics.retries.inc();
    entry.dueAt = Math.min(entry.dueAt ?? Infinity, clock.now() + Math.max(0, ms));
  };

  /** Makes it due now, or sets the timer that will. */
  const arm = (key: string, entry: Entry): void => {
    entry.timer?.[Symbol.dispose]();
    if (stopped || entry.dueAt === undefined) return;
    const ms = entry.dueAt - clock.now();
    if (ms > 0) {
      entry.timer = clock.after(ms, () => {
        arm(key, entry);
        startDue();
      });
      return;
    }
    entry.dueAt = undefined;
    due.set(key, clock.now());
    metrics.adds.inc();
  };

  const addAfter = (key: string, ms: number): void => {
    if (stopped || due.has(key)) return;
    const entry = entries.get(key) ?? { failures: 0, notBefore: 0, dueAt: undefined, timer: undefined };
    entries.set(key, entry);
    schedule(entry, Math.max(ms, entry.notBefore - clock.now()));
    if (inWork.has(key)) return;
    arm(key, entry);
    startDue();
  };

  return {
    add: (key) => addAfter(key, 0),
    addAfter,
    longestRunning: () => {
      const [oldest] = inWork;
      return oldest === undefined ? undefined : { key: oldest[0], ms: clock.now() - oldest[1] };
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      clearInterval(measuring);
      for (const { timer } of entries.values()) timer?.[Symbol.dispose]();
      await Promise.all(passes);
      measure();
    },
  };
};
