import { retryDelayMs, type Outcome } from "#broker";
import { ERRORS, type ErrorCode, type Failure, type Job, type Pool } from "#crds";
import type { JobState } from "#store";
import { isReject } from "./reject.ts";

/** How an attempt came to its end. */
export type Ended =
  | { how: "returned"; result: unknown }
  | { how: "thrown"; error: unknown }
  /** lost: who ran it is gone. */
  | { how: "aborted"; why: "timeout" | "cancelled" | "stopping" | "lost" }
  /** Not started: an earlier run of the same job is done. */
  | { how: "repeated" };

/** What follows from an attempt's end: for the sender, the ledger, the metrics and, last, the broker. */
export interface Verdict {
  outcome: Outcome;
  /** Undefined where this end says nothing new about the job. */
  state: Extract<JobState, "retrying" | "done" | "failed" | "cancelled"> | undefined;
  label: "done" | "retried" | "failed" | "rejected" | "timeout" | "cancelled" | "released" | "lost" | "repeated";
  result?: unknown;
  /** What the sender is told; never the text of an error that is no `Reject`, which may hold what is not his to know. */
  error?: Failure | undefined;
}

const ERROR_TEXT = 1000;
const textOf = (error: unknown): string => String(error).slice(0, ERROR_TEXT);
const failureOf = (code: ErrorCode, message: string = ERRORS[code].message): Failure => ({ code, message });

const failureIn = (ended: Ended & { how: "thrown" | "aborted" }, pool: Pool, mode: Job["mode"]): Failure => {
  if (ended.how === "thrown")
    return isReject(ended.error) ? failureOf("rejected", ended.error.message) : failureOf("handler_failed");
  if (ended.why === "cancelled") return failureOf("cancelled");
  return mode === "request"
    ? failureOf("request_timeout")
    : failureOf("handler_failed", `The handler did not end within ${pool.timeoutSeconds} s`);
};

/** Decides what becomes of a job whose attempt has ended. */
export const decide = (
  ended: Ended,
  { pool, mode, attempt }: { pool: Pool; mode: Job["mode"]; attempt: number },
): Verdict => {
  if (ended.how === "repeated") return { outcome: { kind: "done" }, state: undefined, label: "repeated" };
  if (ended.how === "returned")
    return { outcome: { kind: "done" }, state: "done", label: "done", result: ended.result };
  if (ended.how === "aborted" && ended.why === "stopping")
    return { outcome: { kind: "release" }, state: undefined, label: "released" };
  if (ended.how === "aborted" && ended.why === "lost")
    return { outcome: { kind: "lost" }, state: undefined, label: "lost" };
  const error = failureIn(ended, pool, mode);
  if (ended.how === "aborted" && ended.why === "cancelled")
    return { outcome: { kind: "done" }, state: "cancelled", label: "cancelled", error };
  const rejected = ended.how === "thrown" && isReject(ended.error);
  const label = rejected ? "rejected" : ended.how === "aborted" ? "timeout" : "failed";
  if (mode === "request") return { outcome: { kind: "done" }, state: "failed", label, error };
  const text = ended.how === "thrown" ? textOf(ended.error) : error.message;
  if (rejected) return { outcome: { kind: "dead", reason: "rejected", error: text }, state: "failed", label, error };
  const inMs = retryDelayMs(pool.retry, attempt);
  if (inMs !== undefined)
    return {
      outcome: { kind: "retry", inMs, error: text },
      state: "retrying",
      label: label === "timeout" ? label : "retried",
      error,
    };
  return { outcome: { kind: "dead", reason: "failed", error: text }, state: "failed", label, error };
};
