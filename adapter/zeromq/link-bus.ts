import type { Link } from "#link";
import type { Log } from "#process";
import type { BusMetrics } from "../metrics.ts";
import type { Bus } from "../port.ts";
import { createTopics } from "../topics.ts";

const RETRY_MS = 200;
/** Topics in one header. */
const AT_ONCE = 1000;

/**
 * The Bus over a line to the hub's bus service. Headers: a topic for a message (body: its bytes), `["publish", topics]` for one to several,
 * `["subscribe", number, topics]` (answered `["subscribed", number]`) and `["unsubscribe", topic]`.
 */
export const linkBus = (link: Link, { metrics, log }: { metrics: BusMetrics; log: Log }): Bus & Disposable => {
  const topics = createTopics({ metrics, log });
  /** Topics that the hub has confirmed, or will. */
  const active = new Map<string, PromiseWithResolvers<void>>();
  const asked = new Map<number, PromiseWithResolvers<void>[]>();
  let last = 0;

  const subscribe = (names: string[]) => {
    if (names.length === 0) return;
    last += 1;
    asked.set(
      last,
      names.flatMap((name) => active.get(name) ?? []),
    );
    if (link.send(["subscribe", last, names]) || !link.connected()) return;
    asked.delete(last);
    setTimeout(() => subscribe(names.filter((name) => active.has(name))), RETRY_MS).unref();
  };
  link.onMessage((header, body) => {
    if (typeof header === "string") return topics.deliver(header, body);
    const [kind, first]: unknown[] = Array.isArray(header) ? header : [];
    if (kind === "publish" && Array.isArray(first)) return topics.deliver(first.map(String), body);
    if (kind !== "subscribed" || typeof first !== "number") return;
    for (const { resolve } of asked.get(first) ?? []) resolve();
    asked.delete(first);
  });
  link.onDown(() => {
    asked.clear();
    metrics.interrupted();
  });
  link.onUp(() => {
    const names = [...active.keys()];
    for (let at = 0; at < names.length; at += AT_ONCE) subscribe(names.slice(at, at + AT_ONCE));
  });

  return {
    publish: (to, message) => {
      link.send(typeof to === "string" ? to : ["publish", to], message);
    },
    subscribe: async (name, listener) => {
      if (topics.add(name, listener)) {
        const confirmed = Promise.withResolvers<void>();
        confirmed.promise.catch(() => {});
        active.set(name, confirmed);
        if (link.connected()) subscribe([name]);
      }
      const end = () => {
        if (!topics.remove(name, listener)) return;
        active.delete(name);
        if (link.connected()) link.send(["unsubscribe", name]);
      };
      await active.get(name)?.promise;
      let ended = false;
      return {
        [Symbol.asyncDispose]: async () => {
          if (!ended) end();
          ended = true;
        },
      };
    },
    connected: () => link.connected(),
    [Symbol.dispose]: () => {
      for (const { reject } of active.values()) reject(new Error("the delivery plane is closed"));
    },
  };
};
