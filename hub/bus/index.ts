import type { Registry } from "prom-client";
import type { HubService, HubSocket } from "#link";
import { counter, type Log } from "#process";

/**
 * The hub's bus: forwards what is published to topics to every line subscribed to one of them, once, the publisher's too if it is, in the
 * order of arrival, at most once. A line that does not keep up loses what its bounded buffer cannot hold; nobody waits for it.
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
    const forward = (peers: Iterable<string>, header: unknown, body: Uint8Array) => {
      for (const peer of peers) if (!socket.send(peer, header, body)) dropped.inc();
    };
    const publishToAny = (topics: readonly unknown[], header: unknown, body: Uint8Array) => {
      const peers = new Set<string>();
      for (const topic of topics)
        if (typeof topic === "string") for (const peer of subscribers.get(topic) ?? []) peers.add(peer);
      forward(peers, header, body);
    };
    return {
      onMessage: (peer, header, body) => {
        if (typeof header === "string") return forward(subscribers.get(header) ?? [], header, body);
        const [kind, first, second]: unknown[] = Array.isArray(header) ? header : [];
        if (kind === "publish" && Array.isArray(first)) publishToAny(first, header, body);
        else if (kind === "subscribe" && Array.isArray(second)) {
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
