import type { Candidate } from "./leader-election.ts";
import type { WorkQueue } from "./work-queue.ts";

/** A sentence where something is wrong, else undefined. */
export type Check = () => string | undefined;

const MINUTE = 60_000;

/** Wrong when one key has been in work for longer than any pass should take. */
export const notStuck =
  (queue: Pick<WorkQueue, "longestRunning">, mostMs = 5 * MINUTE): Check =>
  () => {
    const oldest = queue.longestRunning();
    return oldest === undefined || oldest.ms < mostMs
      ? undefined
      : `${oldest.key} has been in work for ${Math.round(oldest.ms / 1000)} s`;
  };

/** Wrong when a leader has been getting to know what there is for longer than that should take: nothing is done meanwhile. */
export const startsInTime =
  (candidate: Pick<Candidate, "startingMs">, mostMs = 2 * MINUTE): Check =>
  () => {
    const ms = candidate.startingMs();
    return ms === undefined || ms < mostMs
      ? undefined
      : `leads, and has not listed everything for ${Math.round(ms / 1000)} s`;
  };

/** Wrong when the loop that stands for leader has stopped trying. */
export const standsForLeader =
  (candidate: Pick<Candidate, "silentMs">, mostMs = MINUTE): Check =>
  () => {
    const ms = candidate.silentMs();
    return ms < mostMs ? undefined : `leader election has not tried for ${Math.round(ms / 1000)} s`;
  };
