/** Exponential with full jitter in its upper half: between half of and all of min(maxMs, minMs · 2^(failures-1)). */
export const backoffMs = (
  failures: number,
  { minMs, maxMs }: { minMs: number; maxMs: number },
  random: () => number = Math.random,
): number => Math.min(maxMs, minMs * 2 ** Math.min(failures - 1, 30)) * (0.5 + random() / 2);
