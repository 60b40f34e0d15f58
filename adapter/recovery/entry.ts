import { decode, Encoder } from "@msgpack/msgpack";
import { z } from "zod";
import { decodeMessage, encodeMessage, isFrom, SENDER_BYTES, type RoomMessage } from "../cluster-message.ts";
import type { LogEntry } from "../log/port.ts";

/**
 * `taken`: a gateway has taken over that socket's session, for the `turn`th time: whoever holds the connection before it closes it.
 * `mark`: all sessions of `node` are in the store as they were at `upTo`.
 */
export type Control = { kind: "taken"; socket: string; turn: number } | { kind: "mark"; node: string; upTo: number };

/** An entry of the Log, read. */
export interface Entry {
  index: number;
  size: number;
  /** Its number among what this process said; undefined: another's. */
  own: number | undefined;
  /** Undefined: a control. */
  nsp: string | undefined;
  message: RoomMessage | Control;
}

const control = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("taken"), socket: z.string(), turn: z.number() }),
  z.object({ kind: z.literal("mark"), node: z.string(), upTo: z.number() }),
]);
const said = z.union([
  z.tuple([z.number().int(), z.string(), z.instanceof(Uint8Array)]),
  z.tuple([z.number().int(), z.null(), z.instanceof(Uint8Array), control]),
]);
const encoder = new Encoder();

/** As MessagePack: `[number, namespace, message]`, or `[number, nil, sender, control]`. */
export const encodeEntry = (
  sender: Uint8Array,
  number: number,
  it: { nsp: string; message: RoomMessage } | Control,
): Uint8Array =>
  encoder.encode("nsp" in it ? [number, it.nsp, encodeMessage(sender, it.message)] : [number, null, sender, it]);

/** Views into a buffer that holds more, copied. */
const own = (message: RoomMessage): RoomMessage =>
  message.kind === "broadcast"
    ? { ...message, frames: message.frames.map((part) => (typeof part === "string" ? part : Buffer.from(part))) }
    : message;

const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** Throws where the bytes are none of ours. */
export const decodeEntry = (sender: Uint8Array, { index, bytes }: LogEntry): Entry => {
  const it = said.parse(decode(bytes));
  const size = bytes.length;
  if (it[1] === null)
    return {
      index,
      size,
      own: equal(it[2].subarray(0, SENDER_BYTES), sender) ? it[0] : undefined,
      nsp: undefined,
      message: it[3],
    };
  const message = decodeMessage(it[2], it[1]);
  if (message.kind === "fetch" || message.kind === "server-side-emit") throw new Error("a question in the log");
  return { index, size, own: isFrom(sender, it[2]) ? it[0] : undefined, nsp: it[1], message: own(message) };
};
