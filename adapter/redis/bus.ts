import type { Bus } from "../port.ts";
import { createCopier, createOnce, HEARD_BEFORE, looksLikeCopy, readCopy } from "./copies.ts";
import type { Publisher } from "./publisher.ts";
import type { Subscriptions } from "./subscriptions.ts";

type Listener = (message: Uint8Array) => void;

/** The channel of a Bus topic. */
export const busChannel = (cluster: string, topic: string): string => `realtime:${cluster}:bus:${topic}`;

/** The Bus on Redis. A message to one topic is its bytes; one to several is a copy on each one's channel, which listeners hear once. */
export const redisBus = (
  cluster: string,
  publisher: Publisher,
  subscriptions: Subscriptions,
  connected: () => boolean,
): Bus => {
  const copyOf = createCopier();
  const once = createOnce<Listener>();
  return {
    publish: (topics, message) => {
      const names = typeof topics === "string" ? [topics] : topics;
      const bytes = names.length > 1 || looksLikeCopy(message) ? copyOf(message) : message;
      for (const topic of names) publisher.publish(busChannel(cluster, topic), bytes);
    },
    subscribe: async (topic, listener) => {
      const hearing = subscriptions.channel(busChannel(cluster, topic), (_channel, bytes) => {
        if (!looksLikeCopy(bytes)) return listener(bytes);
        const { publisher, number, message } = readCopy(bytes);
        return once(publisher, number, listener) ? listener(message) : HEARD_BEFORE;
      });
      await hearing.active;
      return { [Symbol.asyncDispose]: async () => hearing.end() };
    },
    connected,
  };
};
