import type { Document } from "mongodb";
import type { Log } from "#process";
import type { BusMetrics } from "../metrics.ts";
import type { Bus } from "../port.ts";
import { readDocument } from "./document.ts";

type Heard = (message: Uint8Array) => void;

/** Who in this process listens to which topic. */
export const createTopics = ({ metrics, log }: { metrics: BusMetrics; log: Log }) => {
  const topics = new Map<string, Set<Heard>>();
  const tell = (listener: Heard, message: Uint8Array, topic: string | undefined) => {
    try {
      listener(message);
    } catch (error) {
      metrics.malformed();
      log.warn({ err: error, topic }, "a message could not be handled");
    }
  };
  const listenersOf = (names: readonly string[]): Iterable<Heard> => {
    const [only = ""] = names;
    return names.length === 1 ? (topics.get(only) ?? []) : new Set(names.flatMap((name) => [...(topics.get(name) ?? [])]));
  };
  return {
    add: (topic: string, listener: Heard): (() => void) => {
      const own: Heard = (message) => listener(message);
      const listeners = topics.get(topic) ?? new Set();
      topics.set(topic, listeners.add(own));
      return () => {
        if (listeners.delete(own) && listeners.size === 0 && topics.get(topic) === listeners) topics.delete(topic);
      };
    },
    hear: (document: Document): void => {
      const { messages, isWhole } = readDocument(document);
      for (const { t, m } of messages) for (const listener of listenersOf(t)) tell(listener, m, t[0]);
      if (isWhole) return;
      metrics.malformed();
      log.warn({ id: String(document["_id"]) }, "a document is none of the bus");
    },
  };
};

interface Parts {
  topics: ReturnType<typeof createTopics>;
  publish: (topics: readonly string[], message: Uint8Array) => void;
  live: () => Promise<void>;
  connected: () => boolean;
}

/** The Bus over a followed collection. */
export const mongoBus = ({ topics, publish, live, connected }: Parts): Bus => ({
  publish: (to: string | readonly string[], message) => publish(typeof to === "string" ? [to] : to, message),
  subscribe: async (topic, listener) => {
    const end = topics.add(topic, listener);
    await live();
    return { [Symbol.asyncDispose]: async () => end() };
  },
  connected,
});
