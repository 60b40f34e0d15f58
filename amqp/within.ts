import { setTimeout as wait } from "node:timers/promises";

/** Resolves when `act` has settled, however, or after `ms`: for what a server that hangs must not hold up. */
export const within = async (ms: number, act: Promise<unknown>): Promise<void> => {
  const timeout = new AbortController();
  await Promise.race([act.catch(() => {}), wait(ms, undefined, { signal: timeout.signal }).catch(() => {})]);
  timeout.abort();
};
