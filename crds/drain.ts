import type { Gateway } from "./resource/gateway.ts";

/** Of the grace, the part in which connections are closed; the rest is for what is under way. */
const SHARE = 0.8;
/** Of the grace, how much waiting for the entries may take at most, and of how many seconds. */
const SETTLING = { share: 0.2, seconds: 5 };

/** How a gateway's grace is spent. */
export interface DrainPlan {
  /** Connections that the whole cluster closes per second. */
  perSecond: number;
  /** From the moment it is asked to go, in ms: until when it waits at most for the entries to know, and by when all is closed. */
  settledMs: number;
  closedMs: number;
  endMs: number;
  /** Connections that a cluster can close in that time at that pace. */
  capacity: number;
}

/**
 * Clients come back after a random wait (socket.io's: 0.5 to 1.5 s), so that their number in one second varies by √(pace / 3). The pace is that
 * much below `reconnectsPerSecond`, 3.5 times over, that no second has more.
 */
export const drainPlan = ({ graceSeconds, reconnectsPerSecond }: Gateway["drain"]): DrainPlan => {
  const perSecond = Math.max(reconnectsPerSecond / 2, reconnectsPerSecond - 2 * Math.sqrt(reconnectsPerSecond));
  const settledMs = 1000 * Math.min(SETTLING.seconds, graceSeconds * SETTLING.share);
  const closedMs = 1000 * graceSeconds * SHARE;
  return {
    perSecond,
    settledMs,
    closedMs,
    endMs: 1000 * graceSeconds,
    capacity: Math.floor((perSecond * (closedMs - settledMs)) / 1000),
  };
};

/** What of the two fields, either alone, would do for so many connections. */
export const drainFor = (
  connections: number,
  { graceSeconds, reconnectsPerSecond }: Gateway["drain"],
): Gateway["drain"] => {
  const { perSecond, closedMs, settledMs } = drainPlan({ graceSeconds, reconnectsPerSecond });
  const seconds = connections / perSecond;
  const pace = (connections * 1000) / (closedMs - settledMs);
  const isLong = seconds >= (SETTLING.seconds / SETTLING.share) * (SHARE - SETTLING.share);
  return {
    graceSeconds: Math.ceil(isLong ? (seconds + SETTLING.seconds) / SHARE : seconds / (SHARE - SETTLING.share)),
    reconnectsPerSecond: Math.ceil(Math.min(2 * pace, (1 + Math.sqrt(1 + pace)) ** 2)),
  };
};
