import { describe, expect, test } from "@jest/globals";
import { eventually, startServer } from "#testing";
import { testCluster } from "./testing/cluster.ts";
import { poolOf } from "./testing/settings.ts";

describe("a server that is away", () => {
  test("the store: clients come and go and send jobs; when it is back it is told who is here", async () => {
    await using redis = await startServer("redis");
    const pool = poolOf("chat", ["chat:*"]);
    await using cluster = testCluster([pool]);
    const gateway = await cluster.gateway({}, {}, { store: redis.uri });
    using anna = await gateway.client();
    using ben = await gateway.client();
    for (const client of [anna, ben]) await client.ask("subscribe", { channel: "before" });
    await redis.kill();
    await eventually(() => expect(gateway.store.connected()).toBe(false));
    using carl = await gateway.client();
    expect(await carl.ask("subscribe", { channel: "meanwhile" })).toEqual({ ok: true });
    ben.socket.disconnect();
    expect(await carl.ask("chat:a", {}, { id: "one" })).toEqual({
      ok: true,
      id: "one",
      durable: true,
      deduplicated: false,
    });
    expect(await carl.ask("chat:a", {})).toEqual({ ok: true, id: expect.any(String), durable: true });
    expect(await carl.ask("presence", { channel: "before" })).toMatchObject({ error: { code: "store_unavailable" } });
    expect(await carl.ask("job:status", { id: "one" })).toMatchObject({ error: { code: "store_unavailable" } });
    await redis.start();
    await eventually(
      async () =>
        expect(await gateway.store.presence.channels()).toEqual(
          expect.arrayContaining([
            { channel: "before", connections: 1 },
            { channel: "meanwhile", connections: 1 },
          ]),
        ),
      { timeoutMs: 30_000 },
    );
    expect(await carl.ask("chat:a", {}, { id: "two" })).toEqual({ ok: true, id: "two", durable: true });
  });

  test("the broker, from before the start: jobs are refused until it is there, then taken", async () => {
    await using rabbitmq = await startServer("rabbitmq");
    await rabbitmq.kill();
    const pool = poolOf("chat", ["chat:*"]);
    await using cluster = testCluster([]);
    const gateway = await cluster.gateway({}, {}, { broker: rabbitmq.uri });
    using anna = await gateway.client();
    cluster.config.set([pool]);
    expect(await anna.ask("chat:a", {}, { id: "one" })).toMatchObject({ error: { code: "broker_unavailable" } });
    await rabbitmq.start();
    await eventually(
      async () => expect(await anna.ask("chat:a", {}, { id: "one" })).toEqual({ ok: true, id: "one", durable: true }),
      { timeoutMs: 40_000 },
    );
  });
});
