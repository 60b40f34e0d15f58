import { setTimeout as wait } from "node:timers/promises";
import type { Connections } from "./connections/connection.ts";

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
 * those first that wait for no ack, all of them by the end of the grace.
 */
export const drain = async (
  connections: Connections,
  { graceSeconds, reconnectsPerSecond }: { graceSeconds: number; reconnectsPerSecond: number },
  { clock, random = Math.random }: { clock: () => number; random?: () => number },
): Promise<void> => {
  const started = clock();
  const pace = drainPace(connections.size, graceSeconds, reconnectsPerSecond);
  let closed = 0;
  while (connections.size > 0) {
    const elapsed = clock() - started;
    const late = elapsed >= graceSeconds * 1000 * SHARE;
    const idle = [...connections.values()].filter(({ owed }) => late || owed === 0);
    for (const { socket } of idle.slice(0, closeNow(closed, idle.length, pace, elapsed, random()))) {
      socket.conn.close();
      closed += 1;
    }
    if (elapsed >= graceSeconds * 1000) return;
    if (connections.size > 0) await wait(STEP_MS);
  }
};
