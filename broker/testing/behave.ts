import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { retryDelayMs, type Delivery, type Outcome } from "../index.ts";
import type { Pool } from "#crds";

/** What a job of the suite asks of whoever runs it. */
export const orders = z.object({
  /** Never ends. */
  hang: z.boolean().optional(),
  /** ms that it takes. */
  ms: z.number().optional(),
  /** Attempts that fail before one succeeds. */
  fails: z.number().optional(),
  /** Is rejected for good. */
  reject: z.boolean().optional(),
});
export type Orders = z.infer<typeof orders>;

/** Runs a job as its payload says: the worker of the suite's cases, in this process or in one that gets killed. */
export const behave = async (pool: Pool, { job, attempt }: Delivery): Promise<Outcome> => {
  const { hang, ms, fails, reject } = orders.parse(job.payload);
  if (hang === true) await new Promise(() => {});
  if (ms !== undefined) await wait(ms);
  if (reject === true) return { kind: "dead", reason: "rejected", error: "not wanted" };
  if (attempt > (fails ?? 0)) return { kind: "done" };
  const inMs = retryDelayMs(pool.retry, attempt);
  return inMs === undefined
    ? { kind: "dead", reason: "failed", error: "boom" }
    : { kind: "retry", inMs, error: "boom" };
};
