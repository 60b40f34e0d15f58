import { describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { channelRoom } from "#crds";
import { eventually, sharedServer, startServer } from "#testing";
import { adapterSuite, type DriverUnderTest } from "../suite.ts";
import { testCluster } from "../testing/cluster.ts";

const redis: DriverUnderTest = {
  driver: "redis",
  shared: async () => ({ ...(await sharedServer("redis")), [Symbol.asyncDispose]: async () => {} }),
  mortal: () => startServer("redis"),
  promises: { roomwise: true, namesMissing: true, json: false },
};

describe("deliveries over Redis", () => {
  adapterSuite(redis);

  test("foreign bytes on any channel end no gateway", async () => {
    const { uri } = await sharedServer("redis");
    await using cluster = testCluster("redis", uri);
    const gateway = await cluster.gateway();
    using client = await gateway.client("anna", [channelRoom("lobby")]);
    const stranger = new Redis(uri);
    const { name } = cluster;
    const junk = ["", "x", "{", "[]", "null", "\xc1", '{"type":5}', '{"type":6,"data":null}', '{"type":2,"opts":{}}'];
    try {
      for (const channel of [`${name}#/#`, `${name}#/#c:lobby#`, `${name}-request#/#`, `${name}-response#/#`])
        for (const text of junk) await stranger.publish(channel, Buffer.from(text, "latin1"));
      await gateway.ask("emit", { event: "alive" });
      await eventually(() => expect(client.heard).toEqual([["alive"]]));
      expect(String(await gateway.ask("metrics"))).toMatch(/realtime_bus_malformed_total [1-9]/);
    } finally {
      stranger.disconnect();
    }
  });
});

describe("deliveries over Redis' log", () =>
  adapterSuite({
    ...redis,
    promises: { roomwise: false, namesMissing: true, json: false },
    recovery: { maxMessages: 10_000, maxBytes: 64 << 20 },
  }));
