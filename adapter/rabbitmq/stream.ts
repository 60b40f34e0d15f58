import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import type { LogLimits } from "../log/port.ts";
import type { StartAt } from "./catch-up.ts";

/** What the server writes beside each entry. */
const OVERHEAD_BYTES = 200;
const MIN_ENTRY_BYTES = 32;
const MIN_SEGMENT_BYTES = 1 << 20;
const MAX_SEGMENT_BYTES = 64 << 20;
/** Deliveries that are not acknowledged yet. */
const PREFETCH = 1000;

export const streamOf = (cluster: string): string => `${cluster}.log`;

/**
 * What a stream is declared with. The server drops whole segments, when it begins a new one, as long as all are larger than the stream's
 * limit: so that what `limits` allow is there at any time, that limit is two segments higher.
 */
export const streamArguments = ({ maxMessages, maxBytes }: LogLimits): Record<string, string | number> => {
  const kept = maxBytes + Math.min(maxMessages, maxBytes / MIN_ENTRY_BYTES) * OVERHEAD_BYTES;
  const segment = Math.round(Math.min(Math.max(kept / 4, MIN_SEGMENT_BYTES), MAX_SEGMENT_BYTES));
  return {
    "x-queue-type": "stream",
    "x-max-length-bytes": Math.round(kept + 2 * segment),
    "x-stream-max-segment-size-bytes": segment,
  };
};

const isMismatch = (error: unknown): boolean => error instanceof Error && error.message.includes("inequivalent arg");

/** Makes the stream where it is not there. True where it is there with another size, which stays as it was made. */
export const declareStream = async (model: ChannelModel, stream: string, limits: LogLimits): Promise<boolean> => {
  const channel = await model.createChannel();
  channel.on("error", () => {});
  try {
    await channel.assertQueue(stream, { durable: true, arguments: streamArguments(limits) });
    await channel.close();
    return false;
  } catch (error) {
    if (isMismatch(error)) return true;
    throw error;
  }
};

export interface StreamReader {
  /** `index`: the record's offset, from 1. */
  onRecord(index: number, body: Buffer): void;
  /** When all that came at once has been told. */
  onPause(): void;
  /** The server ended it. */
  onEnd(): void;
}

/** Reads from `at` on until the channel is closed. */
export const readStream = async (
  model: ChannelModel,
  stream: string,
  at: StartAt,
  { onRecord, onPause, onEnd }: StreamReader,
): Promise<Channel> => {
  const channel = await model.createChannel();
  channel.on("error", () => {});
  channel.on("close", onEnd);
  await channel.prefetch(PREFETCH);
  let last: ConsumeMessage | undefined;
  const pause = () => {
    const read = last;
    last = undefined;
    if (read === undefined) return;
    onPause();
    try {
      channel.ack(read, true);
    } catch {
      // The channel is closed, and `onEnd` called.
    }
  };
  const heard = (message: ConsumeMessage | null) => {
    if (message === null) return onEnd();
    const offset = Number(message.properties.headers?.["x-stream-offset"]);
    if (last === undefined) queueMicrotask(pause);
    last = message;
    onRecord(offset + 1, message.content);
  };
  await channel.consume(stream, heard, { arguments: { "x-stream-offset": typeof at === "number" ? at - 1 : at } });
  return channel;
};
