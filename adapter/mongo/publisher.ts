import { setTimeout as sleep } from "node:timers/promises";
import type { Db } from "mongodb";
import type { Log } from "#process";
import type { BusMetrics } from "../metrics.ts";
import type { BusDocument, BusMessage } from "./document.ts";

const MAX_MESSAGES = 100_000;
const MAX_BYTES = 64 << 20;
const BATCH = 1000;
const BATCH_BYTES = 12 << 20;
/** A document is at most 16 MiB; the rest is for topics. */
const MESSAGE_BYTES = (16 << 20) - (64 << 10);
const CLOSE_MS = 1000;

/**
 * The one way into the collection of this process, so that everything published keeps its order: one insert under way, and what comes
 * meanwhile is one document of the next.
 */
export interface Publisher extends AsyncDisposable {
  /** Never throws, never waits, never queues without bound: what cannot be sent is dropped and counted. */
  publish(topics: readonly string[], message: Uint8Array): void;
}

interface PublisherOptions {
  db: () => Db;
  collection: string;
  id: () => string;
  connected: () => boolean;
  metrics: BusMetrics;
  log: Log;
}

export const createPublisher = ({ db, collection, id, connected, metrics, log }: PublisherOptions): Publisher => {
  let queue: BusMessage[] = [];
  let bytes = 0;
  let sending: Promise<void> | undefined;

  const take = (): { messages: BusMessage[]; size: number } => {
    let size = 0;
    let count = 0;
    for (const { m } of queue) {
      if (count === BATCH || (count > 0 && size + m.length > BATCH_BYTES)) break;
      size += m.length;
      count += 1;
    }
    return { messages: queue.splice(0, count), size };
  };
  const documentOf = (messages: BusMessage[]): BusDocument => {
    const [first] = messages;
    return messages.length === 1 && first !== undefined ? { _id: id(), ...first } : { _id: id(), b: messages };
  };
  const send = async () => {
    while (queue.length > 0) {
      const { messages, size } = take();
      try {
        const { n } = await db().command({
          insert: collection,
          documents: [documentOf(messages)],
          writeConcern: { w: 1 },
        });
        if (n !== 1) throw new Error("the document was not inserted");
      } catch (error) {
        metrics.dropped("unconfirmed", messages.length);
        log.debug({ err: error }, "messages were not inserted");
      }
      bytes -= size;
      if (connected()) continue;
      metrics.dropped("away", queue.length);
      queue = [];
      bytes = 0;
    }
  };
  return {
    publish: (topics, message) => {
      if (!connected()) return metrics.dropped("away");
      if (queue.length >= MAX_MESSAGES || bytes >= MAX_BYTES || message.length > MESSAGE_BYTES)
        return metrics.dropped("full");
      bytes += message.length;
      queue.push({ t: topics, m: message });
      sending ??= Promise.resolve()
        .then(send)
        .finally(() => (sending = undefined));
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.race([sending, sleep(CLOSE_MS)]);
    },
  };
};
