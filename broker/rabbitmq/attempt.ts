import type { Pool } from "#crds";
import { atLeast, type ServerVersion } from "./queues.ts";

/** Header of a job that was tried before: the attempt that this copy of it begins with. */
export const ATTEMPT_HEADER = "x-attempt";

const count = (value: unknown): number =>
  typeof value === "number" && Number.isInteger(value) && value > 0 ? value : 0;

/** Which attempt a delivery is: our count plus the server's of how often this copy came back. */
export const attemptOf = (headers: Record<string, unknown> | undefined): number =>
  (count(headers?.[ATTEMPT_HEADER]) || 1) + count(headers?.["x-delivery-count"]);

/** Whether its workers died (or lost the server) as often as the pool's attempts allow. */
export const isLost = (pool: Pool, attempt: number): boolean =>
  pool.mode !== "request" && attempt > pool.retry.attempts;

/**
 * How a job that was not run goes back: to the head, where a server before 4.3 counts that as an attempt; where it would be the last,
 * as a new copy with the attempt it had, which goes to the back.
 */
export const releaseBy = (pool: Pool, attempt: number, version: ServerVersion): "requeue" | "republish" =>
  atLeast(version, 4, 3) || !isLost(pool, attempt + 1) ? "requeue" : "republish";
