import type { Bus } from "#adapter";
import { CLUSTER_CHANNEL, CLUSTER_EVENTS_TOPIC, clusterEvents, type ClusterEvent } from "#crds";
import { jsonOf } from "../signals/answer.ts";
import type { Emits } from "./jobs-feed.ts";

export interface ClusterFeedOptions {
  node: string;
  bus: Bus;
  /** This gateway's own subscribers of `channel`. */
  local: (channel: string) => Emits;
}

/** The channel `cluster`: what happens to gateways and workers, to each client once, even when several gateways are told the same. */
export interface ClusterFeed extends AsyncDisposable {
  /** Tells this gateway's subscribers, and the other gateways. */
  announce(events: readonly ClusterEvent[]): void;
  /** A socket has subscribed: it gets the last 20 events, oldest first. */
  onSubscribed(channel: string, socket: Emits): void;
}

const REMEMBERED = 200;
const SHOWN = 20;

const keyOf = ({ at, role, instance, what }: ClusterEvent): string => JSON.stringify([at, role, instance, what]);

/** Rejects where the bus cannot be subscribed to. */
export const openClusterFeed = async ({ node, bus, local }: ClusterFeedOptions): Promise<ClusterFeed> => {
  const known = new Map<string, ClusterEvent>();
  const tell = (events: readonly ClusterEvent[]) => {
    for (const event of events) {
      const key = keyOf(event);
      if (known.has(key)) continue;
      known.set(key, event);
      local(CLUSTER_CHANNEL).emit("cluster", event);
    }
    for (const key of known.keys()) {
      if (known.size <= REMEMBERED) break;
      known.delete(key);
    }
  };
  const subscription = await bus.subscribe(CLUSTER_EVENTS_TOPIC, (message) => {
    const heard = clusterEvents.safeParse(jsonOf(message));
    if (heard.success && heard.data.node !== node) tell(heard.data.events);
  });
  return {
    announce: (events) => {
      tell(events);
      bus.publish(CLUSTER_EVENTS_TOPIC, Buffer.from(JSON.stringify({ node, events })));
    },
    onSubscribed: (channel, socket) => {
      if (channel !== CLUSTER_CHANNEL) return;
      for (const event of [...known.values()].slice(-SHOWN)) socket.emit("cluster", event);
    },
    [Symbol.asyncDispose]: () => subscription[Symbol.asyncDispose](),
  };
};
