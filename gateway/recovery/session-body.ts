import { decode, Encoder } from "@msgpack/msgpack";
import { z } from "zod";

const place = z.tuple([z.string(), z.number()]);

/** What a gateway keeps of a session beside its secret and its user. */
const body = z.object({
  socket: z.string(),
  /** Whose marks in the log speak for it; empty where its client is away. */
  node: z.string(),
  /** When it was kept, ms since the epoch. */
  at: z.number(),
  data: z.unknown(),
  /** Of the token that it came with last. */
  jti: z.string().optional(),
  issuedAt: z.number(),
  /** Channels that the client subscribed to himself. */
  subscribed: z.array(z.string()),
  kept: z.object({
    epoch: z.string(),
    /** Infinity where it had joined nothing yet, which z.number() refuses. */
    start: z.custom<number>((it) => typeof it === "number" && !Number.isNaN(it)),
    known: z.number(),
    /** Absent in those of earlier releases. */
    marked: z.number().default(0),
    asOf: z.number(),
    rooms: z.array(place),
    left: z.array(z.tuple([z.string(), z.number(), z.number()])),
    /** Absent in those of earlier releases: nothing is known of what was written. */
    givenUpTo: z.number().default(0),
    given: z.array(z.number()).default([]),
  }),
});
export type SessionBody = z.infer<typeof body>;

const encoder = new Encoder({ ignoreUndefined: true });
/** What does not fit is not kept. */
const MAX_BYTES = 1 << 20;

/** Undefined where it is too large, or its data is nothing that can be written. */
export const encodeBody = (it: SessionBody): Uint8Array | undefined => {
  try {
    const bytes = encoder.encode(it);
    return bytes.length > MAX_BYTES ? undefined : bytes;
  } catch {
    return undefined;
  }
};

/** Undefined where the bytes are none of ours. */
export const decodeBody = (bytes: Uint8Array): SessionBody | undefined => {
  try {
    return body.parse(decode(bytes));
  } catch {
    return undefined;
  }
};
