import { setTimeout as pause } from "node:timers/promises";

/** Repeats `check` until it does not throw and resolves with what it gave; after `timeoutMs` it rejects with the last error. */
export const waitFor = async <T>(
  check: () => T | Promise<T>,
  { timeoutMs = 60_000, everyMs = 250 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> => {
  const end = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
      await pause(everyMs);
    }
  }
};

/** What holds all the time: looks for `forMs` and rejects with the first error. */
export const holdsFor = async (
  check: () => void | Promise<void>,
  { forMs, everyMs = 500 }: { forMs: number; everyMs?: number },
): Promise<void> => {
  const end = Date.now() + forMs;
  do {
    await check();
    await pause(everyMs);
  } while (Date.now() < end);
};
