import type { Registry } from "prom-client";
import type { HubService, HubSocket } from "#link";
import { counter, type Log } from "#process";

/**
 * The hub's bus: forwards what is published to a topic to every line subscribed to it, the publisher's too if it is, in the order of
 * arrival, at most once. A line that does not keep up loses what its bounded buffer cannot hold; nobody waits for it.
 */
export const busService =
  ({ log, registry }: { log: Log; registry: Registry }) =>
  (socket: HubSocket): HubService => {
    const dropped = counter(registry, {
      name: "realtime_hub_bus_dropped_total",
      help: "Bus messages that a subscriber did not get because it did not keep up.",
    });
    const subscribers = new Map<string, Set<string>>();
    const topicsOf = new Map<string, Set<string>>();

    const subscribe = (peer: string, topic: string) => {
      const peers = subscribers.get(topic) ?? new Set();
      const topics = topicsOf.get(peer) ?? new Set();
      subscribers.set(topic, peers.add(peer));
      topicsOf.set(peer, topics.add(topic));
    };
    const unsubscribe = (peer: string, topic: string) => {
      topicsOf.get(peer)?.delete(topic);
      const peers = subscribers.get(topic);
      peers?.delete(peer);
      if (peers?.size === 0) subscribers.delete(topic);
    };
    const publish = (topic: string, body: Uint8Array) => {
      for (const peer of subscribers.get(topic) ?? []) if (!socket.send(peer, topic, body)) dropped.inc();
    };
    return {
      onMessage: (peer, header, body) => {
        if (typeof header === "string") return publish(header, body);
        const [kind, first, second]: unknown[] = Array.isArray(header) ? header : [];
        if (kind === "subscribe" && Array.isArray(second)) {
          for (const topic of second) if (typeof topic === "string") subscribe(peer, topic);
          socket.send(peer, ["subscribed", first]);
        } else if (kind === "unsubscribe" && typeof first === "string") unsubscribe(peer, first);
        else log.warn({ peer }, "a message that the bus does not know");
      },
      onGone: (peer) => {
        for (const topic of topicsOf.get(peer) ?? []) unsubscribe(peer, topic);
        topicsOf.delete(peer);
      },
    };
  };
