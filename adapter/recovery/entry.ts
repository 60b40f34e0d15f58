import { decode, Encoder } from "@msgpack/msgpack";
import { z } from "zod";
import { decodeMessage, encodeMessage, senderOf, type RoomMessage } from "../cluster-message.ts";
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
  /** Who said it (latin1), and its number among what that process said. */
  sender: string;
  number: number;
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

export const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

/** Views into a buffer that holds more, copied. */
const own = (message: RoomMessage): RoomMessage =>
  message.kind === "broadcast"
    ? { ...message, frames: message.frames.map((part) => (typeof part === "string" ? part : Buffer.from(part))) }
    : message;

/** Throws where the bytes are none of ours. */
export const decodeEntry = ({ index, bytes }: LogEntry): Entry => {
  const it = said.parse(decode(bytes));
  const [number, nsp, whole] = it;
  const common = { index, size: bytes.length, number };
  if (nsp === null) return { ...common, sender: latin1(whole), nsp: undefined, message: it[3] };
  const message = decodeMessage(whole, nsp);
  if (message.kind === "fetch" || message.kind === "server-side-emit") throw new Error("a question in the log");
  return { ...common, sender: latin1(senderOf(whole)), nsp, message: own(message) };
};

/** The entry as it was appended. */
export const encodeAgain = ({ sender, number, nsp, message, index }: Entry): LogEntry => {
  const from = Buffer.from(sender, "latin1");
  if (!("to" in message)) return { index, bytes: encodeEntry(from, number, message) };
  return { index, bytes: encodeEntry(from, number, { nsp: nsp ?? "", message }) };
};
