import { setTimeout as sleep } from "node:timers/promises";
import type { Db } from "mongodb";
import type { Log } from "#process";
import type { BusMetrics } from "../metrics.ts";
import type { BusDocument, BusMessage } from "./document.ts";

const MAX_MESSAGES = 100_000;
const MAX_BYTES = 64 << 20;
const BATCH = 1000;
const BATCH_BYTES = 12 << 20;
/** A document is at most 16 MiB. */
const MESSAGE_BYTES = (16 << 20) - (4 << 10);
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

/** What a message takes in a document, at most: in UTF-8, with what BSON puts around it. */
const sizeOf = (topics: readonly string[], message: Uint8Array): number =>
  topics.reduce((size, topic) => size + 3 * topic.length + 16, message.length + 64);

export const createPublisher = ({ db, collection, id, connected, metrics, log }: PublisherOptions): Publisher => {
  let queue: { message: BusMessage; size: number }[] = [];
  let bytes = 0;
  let sending: Promise<void> | undefined;

  const take = (): { messages: BusMessage[]; size: number } => {
    let size = 0;
    let count = 0;
    for (const it of queue) {
      if (count === BATCH || (count > 0 && size + it.size > BATCH_BYTES)) break;
      size += it.size;
      count += 1;
    }
    return { messages: queue.splice(0, count).map(({ message }) => message), size };
  };
  const documentOf = (messages: BusMessage[]): BusDocument => {
    const [first] = messages;
    return messages.length === 1 && first !== undefined ? { _id: id(), ...first } : { _id: id(), b: messages };
  };
  const send = async () => {
    while (queue.length > 0) {
      const { messages, size } = take();
      const documents = [documentOf(messages)];
      try {
        const { n } = await db().command({ insert: collection, documents, writeConcern: { w: 1 } });
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
  /** Begins in a microtask, so that what one turn publishes goes together. */
  const start = () => {
    sending ??= Promise.resolve()
      .then(send)
      .finally(() => {
        sending = undefined;
        if (queue.length > 0) start();
      });
  };
  return {
    publish: (topics, message) => {
      if (!connected()) return metrics.dropped("away");
      const size = sizeOf(topics, message);
      if (queue.length >= MAX_MESSAGES || bytes >= MAX_BYTES || size > MESSAGE_BYTES) return metrics.dropped("full");
      bytes += size;
      queue.push({ message: { t: topics, m: message }, size });
      start();
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.race([sending, sleep(CLOSE_MS, undefined, { ref: false })]);
    },
  };
};
