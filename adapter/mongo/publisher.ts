import { setTimeout as sleep } from "node:timers/promises";
import type { Db } from "mongodb";
import type { Log } from "#process";
import type { BusMetrics } from "../metrics.ts";
import type { BusDocument, BusMessage } from "./document.ts";
import { LARGE_BYTES, type Large } from "./large.ts";
import { retried } from "./retried.ts";

const MAX_MESSAGES = 100_000;
const MAX_BYTES = 64 << 20;
const BATCH = 1000;
const BATCH_BYTES = 12 << 20;
const CLOSE_MS = 1000;
const NOTHING = new Uint8Array();

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
  large: Large;
  id: () => string;
  connected: () => boolean;
  /** ms of silence after which, as at the end, a document for nobody follows: whom the last one passed by finds the gap. */
  markAfterMs?: number | undefined;
  metrics: BusMetrics;
  log: Log;
}

/** What a message takes in a document, at most: in UTF-8, with what BSON puts around it. */
const sizeOf = (topics: readonly string[], message: Uint8Array): number =>
  topics.reduce((size, topic) => size + 3 * topic.length + 16, message.length + 64);

type Published = { t: readonly string[]; m: Uint8Array };

export const createPublisher = ({
  db,
  collection,
  large,
  id,
  connected,
  markAfterMs,
  metrics,
  log,
}: PublisherOptions): Publisher => {
  let queue: { message: Published; size: number }[] = [];
  let bytes = 0;
  let sending: Promise<void> | undefined;

  const take = (): { messages: Published[]; size: number } => {
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
  const lay = async ({ t, m }: Published): Promise<BusMessage> =>
    m.length > LARGE_BYTES ? { t, l: await large.put(m) } : { t, m };
  const insertDocument = (document: BusDocument) =>
    retried(() =>
      db()
        .collection<BusDocument>(collection)
        .insertOne(document, { writeConcern: { w: 1 } }),
    );
  const insert = async (published: Published[]) => {
    const messages: BusMessage[] = [];
    for (const message of published) messages.push(await lay(message));
    await insertDocument(documentOf(messages));
  };
  let marking: NodeJS.Timeout | undefined;
  const mark = async () => {
    clearTimeout(marking);
    marking = undefined;
    if (connected()) await insertDocument({ _id: id(), t: [], m: NOTHING }).catch(() => {});
  };
  const markLater = () => {
    clearTimeout(marking);
    marking = setTimeout(() => void mark(), markAfterMs).unref();
  };
  const finish = async () => {
    await sending;
    if (marking !== undefined) await mark();
  };
  const send = async () => {
    while (queue.length > 0) {
      const { messages, size } = take();
      try {
        await insert(messages);
        if (markAfterMs !== undefined) markLater();
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
      if (size > MAX_BYTES) return metrics.dropped("large");
      if (queue.length >= MAX_MESSAGES || bytes + size > MAX_BYTES) return metrics.dropped("full");
      bytes += size;
      queue.push({ message: { t: topics, m: message }, size });
      start();
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.race([finish(), sleep(CLOSE_MS, undefined, { ref: false })]);
    },
  };
};
