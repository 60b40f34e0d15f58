/** What one gateway knows of who else closes connections. */
export interface Budget {
  /** Connections that the whole cluster may close per second. */
  perSecond: number;
  /** How many this gateway still has to close. */
  own: number;
  /** What each of the others said last; one that was not heard lately counts as it was, which is no less than it is. */
  others: readonly number[];
  /** Gateways that are known, this one too. */
  gateways: number;
  /** Whether the others can be heard, and had the time to answer. */
  isHeard: boolean;
}

/**
 * This gateway's part of the pace, per second: in proportion to what it has to close, so that all end together; where the others cannot be
 * heard, as if every gateway closed.
 */
export const shareOf = ({ perSecond, own, others, gateways, isHeard }: Budget): number => {
  if (!isHeard) return perSecond / Math.max(1, gateways);
  const all = own + others.reduce((sum, left) => sum + left, 0);
  return own === 0 ? 0 : (perSecond * own) / all;
};

/** The pace at which `left` are closed in time: the share, or faster where the grace would not hold. */
export const paceWithin = (share: number, left: number, remainingMs: number): number =>
  remainingMs <= 0 ? Number.POSITIVE_INFINITY : Math.max(share, (left * 1000) / remainingMs);

/** A pause of this process is not made up for by a burst. */
const LONGEST_STEP_MS = 250;

/** How many to close in a step of `elapsedMs`, and the fraction that is left for the next one. */
export const dueAt = (pace: number, elapsedMs: number, rest: number, left: number): { count: number; rest: number } => {
  if (pace === Number.POSITIVE_INFINITY) return { count: left, rest: 0 };
  const all = rest + (pace * Math.min(elapsedMs, LONGEST_STEP_MS)) / 1000;
  const count = Math.min(left, Math.floor(all));
  return { count, rest: Math.min(1, all - count) };
};

/** The most of `times` (ms, in order) that lie within a second. */
export const mostPerSecond = (times: readonly number[]): number => {
  let most = 0;
  let from = 0;
  for (const [to, time] of times.entries()) {
    while ((times[from] ?? time) <= time - 1000) from += 1;
    most = Math.max(most, to - from + 1);
  }
  return most;
};
