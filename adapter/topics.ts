import type { Log } from "#process";
import type { BusMetrics } from "./metrics.ts";

type Hear = (message: Uint8Array) => void;

/** Who in this process listens to which topics of a Bus. */
export interface Topics {
  /** True: the topic's first listener. The same function may be added several times, and is taken away as often. */
  add(topic: string, listener: Hear): boolean;
  /** True: it was the topic's last listener. */
  remove(topic: string, listener: Hear): boolean;
  has(topic: string): boolean;
  names(): Iterable<string>;
  /** Calls once each listener of any of `topics`, in the order of `topics`. One that throws is counted and logged, and harms nobody. */
  deliver(topics: string | readonly string[], message: Uint8Array): void;
}

export const createTopics = ({ metrics, log }: { metrics: BusMetrics; log: Log }): Topics => {
  const listeners = new Map<string, Hear[]>();
  const call = (listener: Hear, topic: string, message: Uint8Array) => {
    try {
      listener(message);
    } catch (error) {
      metrics.malformed();
      log.warn({ err: error, topic }, "a message could not be handled");
    }
  };
  return {
    add: (topic, listener) => {
      const before = listeners.get(topic);
      listeners.set(topic, [...(before ?? []), listener]);
      return before === undefined;
    },
    remove: (topic, listener) => {
      const before = listeners.get(topic) ?? [];
      const at = before.indexOf(listener);
      if (at === -1) return false;
      if (before.length > 1) listeners.set(topic, before.toSpliced(at, 1));
      else listeners.delete(topic);
      return before.length === 1;
    },
    has: (topic) => listeners.has(topic),
    names: () => listeners.keys(),
    deliver: (topics, message) => {
      metrics.received();
      if (typeof topics === "string") {
        const [only, ...more] = listeners.get(topics) ?? [];
        if (only !== undefined) call(only, topics, message);
        if (more.length > 0)
          for (const listener of new Set(more)) if (listener !== only) call(listener, topics, message);
        return;
      }
      const told = new Set<Hear>();
      for (const topic of topics)
        for (const listener of listeners.get(topic) ?? []) {
          if (told.has(listener)) continue;
          told.add(listener);
          call(listener, topic, message);
        }
    },
  };
};
