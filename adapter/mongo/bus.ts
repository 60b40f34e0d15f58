import type { Bus } from "../port.ts";
import type { Topics } from "../topics.ts";
import type { Publisher } from "./publisher.ts";
import type { Tail } from "./tail.ts";

/** The Bus over a followed collection: every process reads all of it, so that a subscription costs the server nothing. */
export const mongoBus = (topics: Topics, { publish }: Publisher, { live, connected }: Tail): Bus => ({
  publish: (to, message) => publish(typeof to === "string" ? [to] : to, message),
  subscribe: async (topic, listener) => {
    topics.add(topic, listener);
    await live();
    let ended = false;
    return {
      [Symbol.asyncDispose]: async () => {
        if (!ended) topics.remove(topic, listener);
        ended = true;
      },
    };
  },
  connected,
});
