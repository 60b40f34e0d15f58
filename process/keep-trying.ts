import { setTimeout as wait } from "node:timers/promises";
import { backoffMs } from "./backoff.ts";
import type { Log } from "./log.ts";

const BACKOFF = { minMs: 250, maxMs: 10_000 };

/** What no second attempt mends: what is asked for does not exist here. */
export class Misconfigured extends Error {}

export interface KeepTryingOptions {
  log: Log;
  /** Gets a check for /readyz, which names `what` as long as it is not there. */
  readiness: (check: () => string | undefined) => void;
  random?: () => number;
}

/**
 * Opens what a process cannot do without, again and again with jittered backoff (up to 10 s) until it is there: a server that is away
 * at the start is waited for. Rejects only with `Misconfigured`.
 */
export const keepTrying = async <T>(
  what: string,
  open: () => Promise<T>,
  { log, readiness, random = Math.random }: KeepTryingOptions,
): Promise<T> => {
  let missing = true;
  readiness(() => (missing ? `waiting for ${what}` : undefined));
  for (let failures = 1; ; failures++) {
    try {
      const it = await open();
      missing = false;
      return it;
    } catch (error) {
      if (error instanceof Misconfigured) throw error;
      log.error({ err: error, what }, "cannot be reached yet; tried again");
    }
    await wait(backoffMs(failures, BACKOFF, random));
  }
};
