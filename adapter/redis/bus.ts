import type { Bus } from "../port.ts";
import type { Publisher } from "./publisher.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** The Bus on Redis: the topic is the channel `realtime:<cluster>:bus:<topic>`. */
export const redisBus = (
  cluster: string,
  publisher: Publisher,
  subscriptions: Subscriptions,
  connected: () => boolean,
): Bus => {
  const channelOf = (topic: string) => `realtime:${cluster}:bus:${topic}`;
  return {
    publish: (topics, message) => {
      for (const topic of typeof topics === "string" ? [topics] : topics) publisher.publish(channelOf(topic), message);
    },
    subscribe: async (topic, listener) => {
      const hearing = subscriptions.channel(channelOf(topic), (_channel, message) => listener(message));
      await hearing.active;
      return { [Symbol.asyncDispose]: async () => hearing.end() };
    },
    connected,
  };
};
