import { describe, expect, test } from "@jest/globals";
import { CLUSTER_EVENTS_TOPIC, type ClusterEvent } from "#crds";
import { memoryBus, publishedOn, type MemoryBus } from "../testing/memory-bus.ts";
import { openClusterFeed } from "./cluster-feed.ts";

const event = (at: number, what: ClusterEvent["what"] = "ready"): ClusterEvent => ({
  at,
  role: "worker",
  instance: "chat-chat-0",
  pool: "chat",
  what,
});

const open = async (bus: MemoryBus, node: string) => {
  const emitted: unknown[] = [];
  const feed = await openClusterFeed({
    node,
    bus,
    local: (channel) => ({ emit: (name, ...args) => emitted.push([channel, name, ...args]) }),
  });
  const greet = (channel = "cluster") => {
    const got: unknown[] = [];
    feed.onSubscribed(channel, { emit: (name, ...args) => got.push([name, ...args]) });
    return got;
  };
  return { feed, emitted, greet };
};

describe("the feed of cluster", () => {
  test("what one gateway is told, the subscribers of all are told once", async () => {
    const bus = memoryBus();
    const one = await open(bus, "g1");
    const two = await open(bus, "g2");
    one.feed.announce([event(1), event(2, "exited")]);
    const told = [
      ["cluster", "cluster", event(1)],
      ["cluster", "cluster", event(2, "exited")],
    ];
    expect(one.emitted).toEqual(told);
    expect(two.emitted).toEqual(told);
  });

  test("the same event told to two gateways reaches each client once", async () => {
    const bus = memoryBus();
    const one = await open(bus, "g1");
    const two = await open(bus, "g2");
    one.feed.announce([event(1)]);
    two.feed.announce([event(1), event(1)]);
    expect(one.emitted).toHaveLength(1);
    expect(two.emitted).toHaveLength(1);
  });

  test("while the bus is away, this gateway's own subscribers are told", async () => {
    const bus = memoryBus();
    const one = await open(bus, "g1");
    bus.setConnected(false);
    one.feed.announce([event(1)]);
    expect(one.emitted).toHaveLength(1);
    expect(publishedOn(bus, CLUSTER_EVENTS_TOPIC)).toBe(0);
  });

  test("a new subscriber gets the last 20, oldest first; one of another channel nothing", async () => {
    const one = await open(memoryBus(), "g1");
    one.feed.announce(Array.from({ length: 100 }, (_, at) => event(at)));
    one.feed.announce(Array.from({ length: 100 }, (_, at) => event(at + 100)));
    one.feed.announce(Array.from({ length: 50 }, (_, at) => event(at + 200)));
    expect(one.greet()).toEqual(Array.from({ length: 20 }, (_, at) => ["cluster", event(230 + at)]));
    expect(one.greet("lobby")).toEqual([]);
  });

  test("what is no cluster event on the bus is passed over, and after disposal nothing is heard", async () => {
    const bus = memoryBus();
    const one = await open(bus, "g1");
    bus.publish(CLUSTER_EVENTS_TOPIC, Buffer.from("{"));
    bus.publish(CLUSTER_EVENTS_TOPIC, Buffer.from(JSON.stringify({ node: "g2", events: [{}] })));
    await one.feed[Symbol.asyncDispose]();
    bus.publish(CLUSTER_EVENTS_TOPIC, Buffer.from(JSON.stringify({ node: "g2", events: [event(1)] })));
    expect(one.emitted).toEqual([]);
  });
});
