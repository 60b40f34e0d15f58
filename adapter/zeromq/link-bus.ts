import type { Link } from "#link";
import type { Log } from "#process";
import type { BusMetrics } from "../metrics.ts";
import type { Bus } from "../port.ts";

const RETRY_MS = 200;

interface Topic {
  listeners: Set<(message: Uint8Array) => void>;
  active: PromiseWithResolvers<void>;
}

/**
 * The Bus over a line to the hub's bus service. Headers: a topic for a message (body: its bytes), `["subscribe", number, topics]`
 * (answered `["subscribed", number]`) and `["unsubscribe", topic]`.
 */
export const linkBus = (link: Link, { metrics, log }: { metrics: BusMetrics; log: Log }): Bus & Disposable => {
  const topics = new Map<string, Topic>();
  const asked = new Map<number, Topic[]>();
  let last = 0;

  const subscribe = (names: string[]) => {
    if (names.length === 0) return;
    last += 1;
    asked.set(
      last,
      names.flatMap((name) => topics.get(name) ?? []),
    );
    if (link.send(["subscribe", last, names]) || !link.connected()) return;
    asked.delete(last);
    setTimeout(() => subscribe(names.filter((name) => topics.has(name))), RETRY_MS).unref();
  };
  const deliver = (name: string, message: Uint8Array) => {
    const topic = topics.get(name);
    if (topic === undefined) return;
    for (const listener of topic.listeners) {
      try {
        listener(message);
      } catch (error) {
        metrics.malformed();
        log.warn({ err: error, topic: name }, "a message could not be handled");
      }
    }
  };
  link.onMessage((header, body) => {
    if (typeof header === "string") return deliver(header, body);
    if (!Array.isArray(header) || header[0] !== "subscribed" || typeof header[1] !== "number") return;
    for (const { active } of asked.get(header[1]) ?? []) active.resolve();
    asked.delete(header[1]);
  });
  link.onDown(() => {
    asked.clear();
    metrics.interrupted();
  });
  link.onUp(() => subscribe([...topics.keys()]));

  return {
    publish: (topic, message) => {
      link.send(topic, message);
    },
    subscribe: async (name, listener) => {
      let topic = topics.get(name);
      if (topic === undefined) {
        topic = { listeners: new Set(), active: Promise.withResolvers() };
        topic.active.promise.catch(() => {});
        topics.set(name, topic);
        if (link.connected()) subscribe([name]);
      }
      const own = (message: Uint8Array) => listener(message);
      topic.listeners.add(own);
      const end = () => {
        if (!topic.listeners.delete(own) || topic.listeners.size > 0) return;
        topics.delete(name);
        if (link.connected()) link.send(["unsubscribe", name]);
      };
      await topic.active.promise;
      return { [Symbol.asyncDispose]: async () => end() };
    },
    connected: () => link.connected(),
    [Symbol.dispose]: () => {
      for (const { active } of topics.values()) active.reject(new Error("the delivery plane is closed"));
    },
  };
};
