import { encodeBatch, entryOf, type Batch, type Frames } from "./frames.ts";

export interface OutboxLimits {
  /** Bytes waiting here; more are refused. */
  maxBytes?: number;
  /** Bytes sent that the other side has not said to have taken in: what lies in sockets' buffers. */
  windowBytes?: number;
  /** Bytes after which a batch is not extended. */
  batchBytes?: number;
}

/** One direction's queue in front of a socket, and the account of both directions' windows. Knows no socket. */
export interface Outbox {
  /** False: full, or not JSON. */
  push(header: unknown, body: Uint8Array | undefined): boolean;
  /** The next batch, where there is one and the window is open; then it counts as sent. */
  take(): Frames | undefined;
  /** A batch without messages, which carries the account. */
  heartbeat(): Frames;
  /** A batch came in. True: so much was taken in since the other side was told that it should be told now. */
  received(batch: Batch): boolean;
  waiting(): { messages: number; bytes: number };
}

const OVERHEAD = 16;
const NO_BYTES = new Uint8Array(0);

export const createOutbox = ({
  maxBytes = 64 << 20,
  windowBytes = 8 << 20,
  batchBytes = 256 << 10,
}: OutboxLimits = {}): Outbox => {
  let entries: string[] = [];
  let bodies: Uint8Array[] = [];
  let next = 0;
  let bytes = 0;
  let underWay = 0;
  let taken = 0;

  const sayTaken = () => {
    const said = taken;
    taken = 0;
    return said;
  };

  return {
    push: (header, body = NO_BYTES) => {
      if (bytes >= maxBytes) return false;
      const entry = entryOf(header, body.length);
      if (entry === undefined) return false;
      entries.push(entry);
      bodies.push(body);
      bytes += entry.length + body.length + OVERHEAD;
      return true;
    },
    take: () => {
      if (next === entries.length || underWay >= windowBytes) return undefined;
      const from = next;
      let size = 0;
      while (next < entries.length && size < batchBytes) {
        size += (entries[next]?.length ?? 0) + (bodies[next]?.length ?? 0) + OVERHEAD;
        next += 1;
      }
      bytes -= size;
      const whole = from === 0 && next === entries.length;
      const frames = encodeBatch(
        sayTaken(),
        whole ? entries : entries.slice(from, next),
        whole ? bodies : bodies.slice(from, next),
      );
      if (next === entries.length) {
        entries = [];
        bodies = [];
        next = 0;
      } else if (next > 4096) {
        entries = entries.slice(next);
        bodies = bodies.slice(next);
        next = 0;
      }
      for (const frame of frames) underWay += frame.length;
      return frames;
    },
    heartbeat: () => encodeBatch(sayTaken(), [], []),
    received: (batch) => {
      underWay = Math.max(0, underWay - batch.taken);
      if (batch.items.length > 0) taken += batch.bytes;
      return taken >= windowBytes / 4;
    },
    waiting: () => ({ messages: entries.length - next, bytes }),
  };
};
