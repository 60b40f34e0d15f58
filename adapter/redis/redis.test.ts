import { describe, expect, test } from "@jest/globals";
import { Emitter } from "@socket.io/redis-emitter";
import { Redis } from "ioredis";
import { channelRoom } from "#crds";
import { eventually, sharedServer, startServer } from "#testing";
import { outageSuite } from "../testing/outage.ts";
import { deliverySuite } from "../suite.ts";
import { testCluster } from "../testing/cluster.ts";

describe("deliveries over Redis", () => {
  deliverySuite("redis", async () => ({ ...(await sharedServer("redis")), [Symbol.asyncDispose]: async () => {} }));
  outageSuite("redis", () => startServer("redis"));

  test("the official emitter reaches clients", async () => {
    const { uri } = await sharedServer("redis");
    await using cluster = testCluster("redis", uri);
    const gateway = await cluster.gateway();
    using client = await gateway.client("anna", [channelRoom("lobby")]);
    const redis = new Redis(uri);
    try {
      const emitter = new Emitter(redis, { key: cluster.name });
      emitter.to(channelRoom("lobby")).emit("a", { bytes: Buffer.from([1]) });
      emitter.in(channelRoom("lobby")).socketsJoin("club");
      emitter.to("club").emit("b");
      await eventually(() => expect(client.heard).toEqual([["a", { bytes: Buffer.from([1]) }], ["b"]]));
    } finally {
      redis.disconnect();
    }
  });

  test("foreign bytes on any channel end no gateway", async () => {
    const { uri } = await sharedServer("redis");
    await using cluster = testCluster("redis", uri);
    const gateway = await cluster.gateway();
    using client = await gateway.client("anna", [channelRoom("lobby")]);
    const redis = new Redis(uri);
    const { name } = cluster;
    const junk = ["", "x", "{", "[]", "null", "\xc1", '{"type":5}', '{"type":6,"data":null}', '{"type":2,"opts":{}}'];
    try {
      for (const channel of [`${name}#/#`, `${name}#/#c:lobby#`, `${name}-request#/#`, `${name}-response#/#`])
        for (const text of junk) await redis.publish(channel, Buffer.from(text, "latin1"));
      await gateway.ask("emit", { event: "alive" });
      await eventually(() => expect(client.heard).toEqual([["alive"]]));
      expect(String(await gateway.ask("metrics"))).toMatch(/realtime_bus_malformed_total [1-9]/);
    } finally {
      redis.disconnect();
    }
  });
});

describe("deliveries over Redis' log", () => {
  deliverySuite("redis", async () => ({ ...(await sharedServer("redis")), [Symbol.asyncDispose]: async () => {} }), {
    maxMessages: 10_000,
    maxBytes: 64 << 20,
  });
});
