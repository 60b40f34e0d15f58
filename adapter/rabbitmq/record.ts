/**
 * What stands in the stream. `entry`: said by a process, in the epoch that it knew. `mark`: the end of the stream at the moment that its sender
 * began to read. `epoch`: from here on, or still, the epoch is `epoch`, if it was `replaces` ("": none) until here; else it says nothing.
 */
export type StreamRecord = { sender: Uint8Array; number: number; epoch: string } & (
  | { kind: "entry"; bytes: Uint8Array }
  | { kind: "mark" }
  | { kind: "epoch"; replaces: string }
);

const VERSION = 1;
const KINDS = ["entry", "mark", "epoch"] as const;
export const SENDER_BYTES = 8;
const NUMBER_BYTES = 6;
const NUMBER_AT = 2 + SENDER_BYTES;
const EPOCH_AT = NUMBER_AT + NUMBER_BYTES;
const EPOCH = /^[\w-]{0,16}$/;

/** One byte each for version (1) and kind (0 to 2), the sender (8 bytes), its number (6, big endian), the epoch's length and text, and the rest. */
export const encodeRecord = (record: StreamRecord): Buffer => {
  const { kind, sender, number, epoch } = record;
  const rest = kind === "entry" ? record.bytes : Buffer.from(kind === "epoch" ? record.replaces : "", "latin1");
  const start = EPOCH_AT + 1 + epoch.length;
  const body = Buffer.allocUnsafe(start + rest.length);
  body[0] = VERSION;
  body[1] = KINDS.indexOf(kind);
  body.set(sender, 2);
  body.writeUIntBE(number, NUMBER_AT, NUMBER_BYTES);
  body[EPOCH_AT] = epoch.length;
  body.write(epoch, EPOCH_AT + 1, "latin1");
  body.set(rest, start);
  return body;
};

/** Undefined where it is none of ours. The parts are views into `body`. */
export const decodeRecord = (body: Buffer): StreamRecord | undefined => {
  const kind = KINDS[body[1] ?? KINDS.length];
  const start = EPOCH_AT + 1 + (body[EPOCH_AT] ?? 0);
  if (body[0] !== VERSION || kind === undefined || body.length <= EPOCH_AT || body.length < start) return undefined;
  const epoch = body.toString("latin1", EPOCH_AT + 1, start);
  if (!EPOCH.test(epoch)) return undefined;
  const own = { sender: body.subarray(2, NUMBER_AT), number: body.readUIntBE(NUMBER_AT, NUMBER_BYTES), epoch };
  const rest = body.subarray(start);
  if (kind === "entry") return rest.length === 0 || epoch === "" ? undefined : { ...own, kind, bytes: rest };
  const replaces = rest.toString("latin1");
  if (kind === "mark") return { ...own, kind };
  return epoch === "" || !EPOCH.test(replaces) ? undefined : { ...own, kind, replaces };
};
