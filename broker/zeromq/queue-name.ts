import type { Pool, QueueSettings } from "#crds";

/** A pool's queue at a hub, which may serve several clusters. */
export const queueName = (cluster: string, pool: Pool): string => `${cluster}/${pool.name}`;

/** What the hub needs to know of a pool. */
export const queueSettings = (pool: Pool): QueueSettings => ({
  mode: pool.mode,
  ordered: pool.orderBy !== "none",
  attempts: pool.retry.attempts,
  timeoutMs: pool.timeoutSeconds * 1000,
});
