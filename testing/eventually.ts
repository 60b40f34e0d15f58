import { setTimeout as wait } from "node:timers/promises";

/** Repeats `check` until it does not throw and resolves with what it gave; after `timeoutMs` it rejects with the last error. */
export const eventually = async <T>(
  check: () => T | Promise<T>,
  { timeoutMs = 10_000, everyMs = 20 } = {},
): Promise<T> => {
  const end = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
      await wait(everyMs);
    }
  }
};
