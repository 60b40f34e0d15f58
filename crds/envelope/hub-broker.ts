import { z } from "zod";
import { deadLetter } from "./job.ts";

/**
 * What a process and the hub's service `broker` say to each other, one array per message: its kind, then its fields. A job's bytes
 * (`encodeJob`) are the message's body; the hub never looks into them. `n` numbers a publisher's jobs, a job's `uid` is
 * `<publisher's node>:<n>` and stays the same over restarts of the hub; `order` is its place, given by the hub and comparable over
 * restarts; `sub` numbers a worker's consumptions; `ref` the questions of a process.
 */
const n = z.number().int().min(0);
const ref = z.number().int().min(0);
const sub = z.number().int().min(0);
const uid = z.string().max(300);
const queue = z.string().max(300);
const attempt = z.number().int().min(1);
const text = z.string();

/** What the hub needs to know of a pool. */
export const queueSettings = z.object({
  mode: z.enum(["job", "request", "copy"]),
  ordered: z.boolean(),
  attempts: z.number().int().min(1),
  timeoutMs: z.number().min(0),
});
export type QueueSettings = z.infer<typeof queueSettings>;

/** Why a job is dead; `at` is ms since the epoch. */
const death = z.object({ reason: deadLetter.shape.reason, error: text.optional(), at: z.number() });
export type Death = z.infer<typeof death>;

const outcome = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("done") }),
  z.object({ kind: z.literal("retry"), inMs: z.number().min(0), error: text }),
  z.object({ kind: z.literal("dead"), reason: deadLetter.shape.reason, error: text }),
  z.object({ kind: z.literal("release") }),
  z.object({ kind: z.literal("lost") }),
]);

/** Process to hub. */
export const brokerCalls = {
  /** Answered by `answer`. */
  declare: z.tuple([z.literal("declare"), ref, queue, queueSettings]),
  /** A new job, its bytes as body: n, queue, id, key. Answered by `taken` or `full`. The same n again changes nothing. */
  submit: z.tuple([z.literal("submit"), n, queue, z.string(), z.string().nullable()]),
  /** This process knew an earlier hub; its jobs follow. */
  back: z.tuple([z.literal("back")]),
  /** A job that an earlier hub had taken: as `submit`, and its attempt, order, ms until its retry, and why it is dead if it is. */
  offer: z.tuple([
    z.literal("offer"),
    n,
    queue,
    z.string(),
    z.string().nullable(),
    attempt,
    z.number(),
    z.number().min(0),
    death.nullable(),
  ]),
  /** After a reconnect to the same hub: which of these are held? Answered by `gone`. */
  have: z.tuple([z.literal("have"), z.array(n)]),
  /** Takes up to so many jobs at once (0: no more), and has these in hand already: uid, attempt. Said again, it changes the number. */
  consume: z.tuple([z.literal("consume"), sub, queue, z.number().int().min(0), z.array(z.tuple([uid, attempt]))]),
  /** Answered by `answer`, behind which no job comes. */
  stop: z.tuple([z.literal("stop"), ref, sub]),
  /** Ends a consumption; what it has in hand is released. */
  cancel: z.tuple([z.literal("cancel"), sub]),
  done: z.tuple([z.literal("done"), sub, uid]),
  settle: z.tuple([z.literal("settle"), sub, uid, outcome]),
  /** Answered by `answer` with a Depth. */
  depth: z.tuple([z.literal("depth"), ref, queue]),
  /** Answered by a `letter` each, then `answer`. */
  letters: z.tuple([z.literal("letters"), ref, queue, z.number().int().min(0)]),
  /** All, or those of these ids; answered by `answer` with their number. */
  redrive: z.tuple([z.literal("redrive"), ref, queue, z.array(z.string()).nullable()]),
} as const;

/** Hub to process. */
export const brokerWords = {
  answer: z.tuple([z.literal("answer"), ref, z.unknown()]),
  /** n, order */
  taken: z.tuple([z.literal("taken"), n, z.number()]),
  full: z.tuple([z.literal("full"), n]),
  /** No longer kept by the hub: done, or dropped. */
  finished: z.tuple([z.literal("finished"), n]),
  /** To be run again: n, attempt, in ms. Also a dead one that was put back. */
  again: z.tuple([z.literal("again"), n, attempt, z.number().min(0)]),
  /** n, attempts, why */
  died: z.tuple([z.literal("died"), n, attempt, death]),
  gone: z.tuple([z.literal("gone"), z.array(n)]),
  /** A job to run, its bytes as body. */
  job: z.tuple([z.literal("job"), sub, uid, attempt]),
  /** A dead letter, its job's bytes as body: ref, id, attempts, why. */
  letter: z.tuple([z.literal("letter"), ref, z.string(), attempt, death]),
} as const;

type Said<T extends Record<string, z.ZodType>> = z.infer<T[keyof T]>;
export type BrokerCall = Said<typeof brokerCalls>;
export type BrokerWord = Said<typeof brokerWords>;

const parseBy = <T extends Record<string, z.ZodType>>(schemas: T, header: unknown): Said<T> | undefined => {
  const kind: unknown = Array.isArray(header) ? header[0] : undefined;
  const schema = typeof kind === "string" && Object.hasOwn(schemas, kind) ? schemas[kind] : undefined;
  const parsed = schema?.safeParse(header);
  return parsed?.success === true ? (parsed.data as Said<T>) : undefined;
};

/** The call behind a header; undefined where it is none. */
export const parseBrokerCall = (header: unknown): BrokerCall | undefined => parseBy(brokerCalls, header);
/** The hub's word behind a header; undefined where it is none. */
export const parseBrokerWord = (header: unknown): BrokerWord | undefined => parseBy(brokerWords, header);
