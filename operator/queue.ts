import { backoffMs, type Backoff, type Log } from "#process";

/** How a pass ended: done, or to be looked at again. A throw is retried with backoff. */
export interface PassOutcome {
  requeueAfterMs?: number;
}

/** Keys to look at. One key is never looked at twice at once; one that is added while it is looked at is looked at once more. */
export interface Queue extends AsyncDisposable {
  add(key: string): void;
}

interface Entry {
  running: boolean;
  again: boolean;
  failures: number;
  timer: NodeJS.Timeout | undefined;
}

/** Runs `pass` for each key that is added. Disposing waits for the passes under way and starts no more. */
export const startQueue = (
  pass: (key: string) => Promise<PassOutcome>,
  {
    log,
    backoff = { minMs: 200, maxMs: 30_000 },
    random = Math.random,
  }: { log: Log; backoff?: Backoff; random?: () => number },
): Queue => {
  const entries = new Map<string, Entry>();
  const running = new Set<Promise<void>>();
  let stopped = false;

  const run = async (key: string, entry: Entry): Promise<void> => {
    clearTimeout(entry.timer);
    entry.running = true;
    entry.again = false;
    let waitMs: number | undefined;
    try {
      waitMs = (await pass(key)).requeueAfterMs;
      entry.failures = 0;
    } catch (error) {
      entry.failures += 1;
      waitMs = backoffMs(entry.failures, backoff, random);
      log.error({ err: error, key, failures: entry.failures }, "a pass failed and will be repeated");
    }
    entry.running = false;
    if (stopped) return;
    if (entry.again && entry.failures === 0) start(key, entry);
    else if (waitMs !== undefined) entry.timer = setTimeout(() => start(key, entry), waitMs);
    else entries.delete(key);
  };

  const start = (key: string, entry: Entry): void => {
    if (stopped) return;
    const promise = run(key, entry);
    running.add(promise);
    void promise.finally(() => running.delete(promise));
  };

  return {
    add: (key) => {
      if (stopped) return;
      const entry = entries.get(key) ?? { running: false, again: false, failures: 0, timer: undefined };
      entries.set(key, entry);
      if (entry.running) entry.again = true;
      else if (entry.failures === 0) start(key, entry);
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      for (const { timer } of entries.values()) clearTimeout(timer);
      await Promise.all(running);
    },
  };
};
