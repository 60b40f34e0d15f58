import { createHash } from "node:crypto";
import { z } from "zod";
import { decodeJob, deadLetter, type DeadLetter, type Job, type Pool } from "#crds";

const MAX_ERROR_LENGTH = 1000;

/** Why a job died, as the headers of its dead letter; the content stays the job's bytes. */
export const deadHeaders = (it: {
  reason: DeadLetter["reason"];
  error: string;
  attempts: number;
  at: number;
  key: string;
}): Record<string, string | number> => ({
  "x-reason": it.reason,
  "x-error": it.error.slice(0, MAX_ERROR_LENGTH),
  "x-attempts": it.attempts,
  "x-at": it.at,
  "x-original-key": it.key,
});

/** What the server itself dead-letters has no headers of ours: a job that came back more often than any limit is lost. */
const headersSchema = z.object({
  "x-reason": deadLetter.shape.reason.catch("lost"),
  "x-error": z.string().optional().catch(undefined),
  "x-attempts": z.number().int().catch(0),
  "x-at": z.number().catch(0),
});

const jobOf = (pool: Pool, content: Buffer, at: number): Job => {
  try {
    return decodeJob(content);
  } catch {
    return {
      v: 1,
      id: createHash("sha256").update(content).digest("hex").slice(0, 32),
      event: "(malformed)",
      payload: content.subarray(0, MAX_ERROR_LENGTH).toString("utf8"),
      mode: pool.mode,
      at,
    };
  }
};

/** A dead letter from its message. Bytes that are no job stand in `payload` of one made up, with their hash as id. */
export const readDeadLetter = (
  pool: Pool,
  { content, headers }: { content: Buffer; headers: Record<string, unknown> | undefined },
): DeadLetter => {
  const {
    "x-reason": reason,
    "x-error": error,
    "x-attempts": attempts,
    "x-at": at,
  } = headersSchema.parse(headers ?? {});
  return {
    job: jobOf(pool, content, at),
    pool: pool.name,
    reason,
    attempts,
    at,
    ...(error === undefined ? {} : { error }),
  };
};
