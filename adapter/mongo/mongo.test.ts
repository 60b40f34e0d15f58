import { describe, expect, test } from "@jest/globals";
import { MongoClient } from "mongodb";
import { channelRoom } from "#crds";
import { eventually, sharedServer, startServer } from "#testing";
import { adapterSuite, type DriverUnderTest } from "../suite.ts";
import { testCluster } from "../testing/cluster.ts";

const mongo: DriverUnderTest = {
  driver: "mongo",
  shared: async () => ({
    ...(await sharedServer("mongo", import.meta.filename)),
    [Symbol.asyncDispose]: async () => {},
  }),
  mortal: () => startServer("mongo"),
  silentMs: 3000,
  promises: { roomwise: false, namesMissing: true, json: true },
};

describe("deliveries over MongoDB", () => {
  adapterSuite(mongo);

  test("a document that somebody inserts reaches clients; what is none of the bus ends no gateway, and is counted", async () => {
    const { uri } = await sharedServer("mongo", import.meta.filename);
    await using cluster = testCluster("mongo", uri);
    const gateway = await cluster.gateway();
    using client = await gateway.client("anna", [channelRoom("lobby")]);
    const stranger = new MongoClient(uri);
    try {
      const collection = stranger.db("realtime").collection(`${cluster.name}.bus`);
      const junk = [
        {},
        { t: 1, m: "x" },
        { t: ["io:/"] },
        { t: ["io:/", 2], m: "{}" },
        { t: "io:/", m: "{" },
        { t: "io:/", m: Buffer.from([1, 2]) },
        { b: [{ t: "io:/" }, 3, null] },
        { t: "io:/", m: '{"v":2,"event":"newer"}' },
      ];
      await collection.insertMany(junk);
      await collection.insertOne({ t: "io:/#c:lobby", m: '{"v":1,"rooms":["c:lobby"],"event":"news","args":[1]}' });
      await collection.insertOne({ t: ["io:/", "io:/#c:lobby"], m: '{"v":1,"rooms":["c:lobby"],"event":"more"}' });
      await eventually(() => expect(client.heard).toEqual([["news", 1], ["more"]]));
      await eventually(async () =>
        expect(String(await gateway.ask("metrics"))).toMatch(new RegExp(`realtime_bus_malformed_total ${junk.length}`)),
      );
    } finally {
      await stranger.close();
    }
  });
});

describe("deliveries over MongoDB's log", () =>
  adapterSuite({
    ...mongo,
    promises: { roomwise: false, namesMissing: true, json: false },
    recovery: { maxMessages: 10_000, maxBytes: 64 << 20 },
  }));
