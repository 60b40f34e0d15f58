/** What this worker has heard of cancelled jobs, and when that is not enough. */
export interface Cancels {
  /** Remembers a job that was announced as cancelled. */
  heard(key: string): void;
  has(key: string): boolean;
  /** Notices that the Bus is away: to be called now and then, also while no job comes. */
  look(): void;
  /** Whether the job may have been cancelled without this worker having heard of it, so that the ledger has to be asked before a start. */
  unsure(job: { at: number; attempt: number }): boolean;
}

/** Clocks of gateways and workers may differ by this, ms. */
const SKEW_MS = 5_000;

/**
 * Cancels are announced on the Bus, so the ledger need not be asked before each start: only for jobs that are older than the time since
 * which the announcements reach this worker without a break (its start, a reconnect of the Bus, more announcements than it remembers)
 * and for later attempts, which are rare and cover an announcement that the Bus lost.
 */
export const createCancels = ({
  connected,
  now = Date.now,
  capacity = 10_000,
}: {
  connected: () => boolean;
  now?: () => number;
  capacity?: number;
}): Cancels => {
  const keys = new Set<string>();
  let listeningSince = now();
  const look = () => {
    if (!connected()) listeningSince = now();
  };
  return {
    look,
    heard: (key) => {
      if (keys.size >= capacity) {
        for (const oldest of keys) {
          keys.delete(oldest);
          break;
        }
        listeningSince = now();
      }
      keys.add(key);
    },
    has: (key) => keys.has(key),
    unsure: ({ at, attempt }) => {
      look();
      return attempt > 1 || at < listeningSince + SKEW_MS;
    },
  };
};
