import { setTimeout as wait } from "node:timers/promises";

/** A session, or a WebSocket that is carried for another gateway. */
export interface Closing {
  /** Acks that wait for the broker: those that have none go first. */
  owed: number;
  /** At the transport. */
  close(): void;
}

const STEP_MS = 50;
/** Of the grace, the part in which sessions are closed; the rest is for what is under way. */
const SHARE = 0.8;

/** How many sessions to close per second: as the cluster's pace allows, or faster where the grace would not hold. */
export const drainPace = (connections: number, graceSeconds: number, reconnectsPerSecond: number): number =>
  Math.max(reconnectsPerSecond, connections / (graceSeconds * SHARE));

/** How many to close now, so that after `elapsedMs` the pace is kept; jittered, never more than are left. */
export const closeNow = (closed: number, left: number, pace: number, elapsedMs: number, random: number): number =>
  Math.max(0, Math.min(left, Math.ceil((pace * (elapsedMs + STEP_MS) * (0.75 + random / 2)) / 1000) - closed));

/**
 * Closes all sessions at the transport, so that clients come back to another gateway by themselves: at a steady, jittered pace,
 * those first that wait for no ack, all of them by the end of the grace. What is `underway`, such as long polls of other gateways'
 * sessions, ends by itself meanwhile.
 */
export const drain = async (
  open: () => readonly Closing[],
  underway: () => number,
  { graceSeconds, reconnectsPerSecond }: { graceSeconds: number; reconnectsPerSecond: number },
  { clock, random = Math.random }: { clock: () => number; random?: () => number },
): Promise<void> => {
  const started = clock();
  const pace = drainPace(open().length, graceSeconds, reconnectsPerSecond);
  const closed = new Set<Closing>();
  for (let left = open(); left.length > 0 || underway() > 0; left = open()) {
    const elapsed = clock() - started;
    const late = elapsed >= graceSeconds * 1000 * SHARE;
    const idle = left.filter((it) => !closed.has(it) && (late || it.owed === 0));
    for (const session of idle.slice(0, closeNow(closed.size, idle.length, pace, elapsed, random()))) {
      session.close();
      closed.add(session);
    }
    if (elapsed >= graceSeconds * 1000) return;
    await wait(STEP_MS);
  }
};
