import { z } from "zod";

/**
 * What a gateway gives a broker and a broker gives a worker, as UTF-8 JSON. Binary in `payload` travels as
 * `{"$binary": "<base64>"}` and `binary` is then true; the payload's own objects of that form get one more `$`. A newer minor adds optional fields only; a reader ignores what it does not know.
 */
export const job = z.object({
  v: z.literal(1),
  /** The client's own id, or a UUIDv7 of the gateway's. Unique per user only: (user, id) names a job. */
  id: z.string().min(1).max(128),
  /** The event's name; what routes it to the handler. */
  event: z.string().min(1).max(200),
  /** Absent where the event came without one. */
  payload: z.unknown().optional(),
  /** Who sent it; absent: a server, by the HTTP API or by a lifecycle event without a user. */
  user: z.string().max(256).optional(),
  mode: z.enum(["job", "request", "copy"]),
  /** The id came from the client: a worker looks it up in the ledger before it runs it. */
  given: z.boolean().optional(),
  /** Jobs of one key run one after the other. */
  key: z.string().max(512).optional(),
  /** request: the node that waits for the answer (Bus topic `replyTopic(node)`). */
  replyTo: z.string().max(128).optional(),
  /** ms since the epoch, the gateway's clock. */
  at: z.number(),
  binary: z.boolean().optional(),
});
export type Job = z.infer<typeof job>;

/** The one name of a job across users: what the ledger and the ids are keyed by. */
export const jobKey = (user: string | undefined, id: string): string => `${user ?? ""}/${id}`;

/** How the Bus topics begin on which workers answer. */
export const REPLY_TOPICS = "reply:";
/** Bus topic on which a node gets the answers to its requests. */
export const replyTopic = (node: string): string => REPLY_TOPICS + node;

/** The answer to a job of mode request, worker to gateway over the Bus: UTF-8 JSON, binary in `result` as in a job's payload. */
export const reply = z.object({
  v: z.literal(1),
  id: z.string(),
  user: z.string().optional(),
  result: z.unknown().optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  binary: z.boolean().optional(),
});
export type Reply = z.infer<typeof reply>;

/** A dead job with why it died; it can be put back as it was. */
export const deadLetter = z.object({
  job,
  pool: z.string(),
  /** rejected: by the handler; failed: after the last attempt; lost: its workers died as often as attempts allow; malformed: not a job. */
  reason: z.enum(["rejected", "failed", "lost", "malformed"]),
  error: z.string().optional(),
  attempts: z.number().int(),
  at: z.number(),
});
export type DeadLetter = z.infer<typeof deadLetter>;
