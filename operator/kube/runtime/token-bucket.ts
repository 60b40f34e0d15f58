import type { Clock } from "./clock.ts";

export interface TokenBucket {
  /** Takes a token, one that is not there yet too: ms until it is. */
  reserve(): number;
  /** Takes a token if there is one. */
  take(): boolean;
}

/** A rate of `perSecond` in the long run, and up to `burst` at once. */
export const tokenBucket = (
  { perSecond, burst }: { perSecond: number; burst: number },
  now: Clock["now"],
): TokenBucket => {
  let tokens = burst;
  let at = now();
  const refill = () => {
    tokens = Math.min(burst, tokens + ((now() - at) / 1000) * perSecond);
    at = now();
  };
  return {
    reserve: () => {
      refill();
      tokens -= 1;
      return Math.max(0, (-tokens / perSecond) * 1000);
    },
    take: () => {
      refill();
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
};
