import { z } from "zod";

/**
 * What travels between a process and the hub. Each ZeroMQ message is one or two frames: `[kind, …]` as UTF-8 JSON, and for a batch the
 * bodies of its messages, one behind the other. A batch is `["m", taken, length, header, length, header, …]`: `taken` is how many bytes
 * of batches its sender took in since it last said so, `length` that of a message's body. A batch without messages is a heartbeat.
 */
export type Frames = Buffer[];

const hello = z.tuple([
  z.literal("hello"),
  z.object({ v: z.literal(1), service: z.string().max(64), node: z.string().max(256), line: z.string().max(64) }),
]);
const welcome = z.tuple([z.literal("welcome"), z.object({ v: z.literal(1), epoch: z.string().max(64) })]);
const bye = z.tuple([z.literal("bye")]);
const unknown = z.tuple([z.literal("unknown")]);
const control = z.union([hello, welcome, bye, unknown]);
/** Everything but batches: client's hello, hub's welcome, a goodbye of either, and the hub's word that it does not know this line. */
export type Control = z.infer<typeof control>;

export interface Batch {
  taken: number;
  /** Alternating: length of the body, header. */
  items: unknown[];
  bodies: Buffer;
  bytes: number;
}

const NO_BYTES = Buffer.alloc(0);

export const encodeControl = (it: Control): Frames => [Buffer.from(JSON.stringify(it))];

/** `entries` are `,length,header` texts, as `entryOf` makes them. */
export const encodeBatch = (taken: number, entries: readonly string[], bodies: readonly Uint8Array[]): Frames => {
  const head = Buffer.from(`["m",${taken}${entries.join("")}]`);
  const all = bodies.length === 0 ? NO_BYTES : Buffer.concat(bodies);
  return all.length === 0 ? [head] : [head, all];
};

/** One message's part of a batch's head; undefined where the header is not JSON. */
export const entryOf = (header: unknown, bodyLength: number): string | undefined => {
  try {
    return `,${bodyLength},${JSON.stringify(header) ?? "null"}`;
  } catch {
    return undefined;
  }
};

const isLength = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

const batchOf = (head: readonly unknown[], bodies: Buffer, bytes: number): Batch | undefined => {
  const taken = head[1];
  if (!isLength(taken) || head.length % 2 !== 0) return undefined;
  const items = head.slice(2);
  let total = 0;
  for (let index = 0; index < items.length; index += 2) {
    const length = items[index];
    if (!isLength(length)) return undefined;
    total += length;
  }
  return total === bodies.length ? { taken, items, bodies, bytes } : undefined;
};

/** What `frames` say; undefined where they are foreign. */
export const decode = (frames: readonly Buffer[]): { batch: Batch } | { control: Control } | undefined => {
  const [first, bodies = NO_BYTES] = frames;
  if (first === undefined || frames.length > 2) return undefined;
  let head: unknown;
  try {
    head = JSON.parse(first.toString());
  } catch {
    return undefined;
  }
  if (!Array.isArray(head)) return undefined;
  if (head[0] === "m") {
    const batch = batchOf(head, bodies, first.length + bodies.length);
    return batch && { batch };
  }
  const parsed = control.safeParse(head);
  return parsed.success ? { control: parsed.data } : undefined;
};

/** Calls `listener` for each message of a batch, in order. */
export const eachMessage = ({ items, bodies }: Batch, listener: (header: unknown, body: Uint8Array) => void): void => {
  let offset = 0;
  for (let index = 0; index < items.length; index += 2) {
    const length = Number(items[index]);
    listener(items[index + 1], length === 0 ? NO_BYTES : bodies.subarray(offset, offset + length));
    offset += length;
  }
};
