import { z } from "zod";
import { hasBinary, packBinary } from "./binary.ts";

/** Every state of a job that is not refused. */
export const jobState = z.enum(["queued", "running", "retrying", "done", "failed", "cancelled"]);
export type JobState = z.infer<typeof jobState>;

/** What is known of a job. Times in ms since the epoch. */
export const ledgerEntry = z.object({
  id: z.string(),
  user: z.string().optional(),
  pool: z.string(),
  event: z.string(),
  state: jobState,
  attempt: z.number().int().min(0).max(100_000_000),
  progress: z.unknown().optional(),
  /** The handler's result, where it is at most 16 KiB as JSON; binary in it as `{"$binary": "<base64>"}`. */
  result: z.unknown().optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  worker: z.string().optional(),
  queuedAt: z.number().optional(),
  startedAt: z.number().optional(),
  endedAt: z.number().optional(),
});
export type LedgerEntry = z.infer<typeof ledgerEntry>;

/** Finished jobs kept per pool, jobs kept that wait or run (each), for how long, and how many one look shows. */
export const LEDGER_LIMITS = {
  finished: 10_000,
  open: 100_000,
  finishedMs: 24 * 3_600_000,
  openMs: 7 * 24 * 3_600_000,
  overview: 1000,
  /** Given ids, and marks that a job is to be cancelled. */
  markMs: 24 * 3_600_000,
} as const;

/** The largest JSON of a result or a progress that is kept, and the longest error message. */
const MAX_JSON = 16_384;
const MAX_MESSAGE = 2000;

const bounded = (value: unknown): unknown => {
  if (typeof value === "string") return value.length > MAX_JSON ? undefined : value;
  if (typeof value !== "object" || value === null) return value;
  try {
    const it = hasBinary(value) ? packBinary(value) : value;
    return JSON.stringify(it).length > MAX_JSON ? undefined : it;
  } catch {
    return undefined;
  }
};

/** The entry without what is too large, or no JSON. */
export const boundedEntry = (entry: LedgerEntry): LedgerEntry => ({
  ...entry,
  progress: bounded(entry.progress),
  result: bounded(entry.result),
  error: entry.error && { code: entry.error.code, message: entry.error.message.slice(0, MAX_MESSAGE) },
});

/** An entry as it is kept: `erred` is the rank of the entry that brought `error`. */
export interface LedgerRecord {
  entry: LedgerEntry;
  erred: number;
}

/** Above the rank of every attempt. */
const END = 1_000_000_000;
const STAGE: Record<JobState, number> = { queued: 0, running: 1, retrying: 2, cancelled: 0, failed: 1, done: 2 };

/** Whether a job in this state runs no more. */
export const isEnd = (state: JobState): boolean => state === "done" || state === "failed" || state === "cancelled";

/** How far an entry is: by attempt and stage, ends above all of them. */
export const rankOf = ({ state, attempt }: { state: JobState; attempt: number }): number =>
  isEnd(state) ? END + STAGE[state] : attempt * 4 + STAGE[state];

const compact = (entry: LedgerEntry): LedgerEntry => {
  const { id, pool, event, state, attempt } = entry;
  const kept: LedgerEntry = { id, pool, event, state, attempt };
  if (entry.user !== undefined) kept.user = entry.user;
  if (entry.progress !== undefined) kept.progress = entry.progress;
  if (entry.result !== undefined) kept.result = entry.result;
  if (entry.error !== undefined) kept.error = entry.error;
  if (entry.worker !== undefined) kept.worker = entry.worker;
  if (entry.queuedAt !== undefined) kept.queuedAt = entry.queuedAt;
  if (entry.startedAt !== undefined) kept.startedAt = entry.startedAt;
  if (entry.endedAt !== undefined) kept.endedAt = entry.endedAt;
  return kept;
};

/**
 * The ledger's rule. The entry of the higher rank says what the job is, of equal ones the later to arrive; the other fills in what that
 * one left out: `queuedAt` always, `progress`, `worker` and `startedAt` of the same attempt, `result` and `endedAt` of the same rank.
 * `error` is the last one that is known, and none once the job is done. So the same entries give the same record in any order.
 */
export const mergeEntry = (held: LedgerRecord | undefined, next: LedgerEntry): LedgerRecord => {
  const rank = rankOf(next);
  if (held === undefined) {
    const error = next.state === "done" ? undefined : next.error;
    return { entry: compact({ ...next, error }), erred: error === undefined ? -1 : rank };
  }
  const heldRank = rankOf(held.entry);
  const [winner, other] = rank >= heldRank ? [next, held.entry] : [held.entry, next];
  const ofAttempt = winner.attempt === other.attempt ? other : undefined;
  const ofRank = rank === heldRank ? other : undefined;
  const nextErrs = next.error !== undefined && rank >= held.erred;
  const done = winner.state === "done";
  const entry = compact({
    ...winner,
    queuedAt: winner.queuedAt ?? other.queuedAt,
    progress: winner.progress === undefined ? ofAttempt?.progress : winner.progress,
    worker: winner.worker ?? ofAttempt?.worker,
    startedAt: winner.startedAt ?? ofAttempt?.startedAt,
    result: winner.result === undefined ? ofRank?.result : winner.result,
    endedAt: winner.endedAt ?? ofRank?.endedAt,
    error: done ? undefined : nextErrs ? next.error : held.entry.error,
  });
  return { entry, erred: done ? -1 : nextErrs ? rank : held.erred };
};
