import type { Bus } from "#adapter";

/** A bus inside this process, at the edge of the parts under test: hears at once what is published while it is connected. */
export interface MemoryBus extends Bus {
  published: { topic: string; message: string }[];
  setConnected(connected: boolean): void;
  /** How many subscriptions `topic` has. */
  listening(topic: string): number;
}

export const memoryBus = (): MemoryBus => {
  const listeners = new Map<string, Set<(message: Uint8Array) => void>>();
  const published: MemoryBus["published"] = [];
  let connected = true;
  return {
    published,
    setConnected: (it) => (connected = it),
    listening: (topic) => listeners.get(topic)?.size ?? 0,
    connected: () => connected,
    publish: (to, message) => {
      if (!connected) return;
      const topics = typeof to === "string" ? [to] : to;
      for (const topic of topics) published.push({ topic, message: Buffer.from(message).toString("utf8") });
      for (const listener of new Set(topics.flatMap((topic) => [...(listeners.get(topic) ?? [])]))) listener(message);
    },
    subscribe: async (topic, listener) => {
      const all = listeners.get(topic) ?? new Set();
      listeners.set(topic, all.add(listener));
      return { [Symbol.asyncDispose]: async () => void all.delete(listener) };
    },
  };
};

/** How many messages were published on `topic`. */
export const publishedOn = (bus: MemoryBus, topic: string): number =>
  bus.published.filter((it) => it.topic === topic).length;
