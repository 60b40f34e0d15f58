/** How long to wait between attempts: after the first failure, and at most. */
export interface Backoff {
  minMs: number;
  maxMs: number;
}

/**
 * ms to wait after so many failures in a row (1 or more): between half of and all of min(maxMs, minMs · 2^(failures-1)), so that many who
 * wait for the same do not come at once.
 */
export const backoffMs = (failures: number, { minMs, maxMs }: Backoff, random: () => number = Math.random): number =>
  Math.min(maxMs, minMs * 2 ** Math.min(failures - 1, 30)) * (0.5 + random() / 2);
