import { describe, expect, test } from "@jest/globals";
import { connect } from "amqplib";
import { channelRoom } from "#crds";
import { eventually, sharedServer, startServer } from "#testing";
import { adapterSuite, type DriverUnderTest } from "../suite.ts";
import { testCluster } from "../testing/cluster.ts";
import { startStreams } from "../testing/streams.ts";

/** A cluster of one gateway with a client in the lobby, and a connection of a stranger. */
const open = async () => {
  const { uri } = await sharedServer("rabbitmq");
  const stack = new AsyncDisposableStack();
  const cluster = stack.use(testCluster("rabbitmq", uri));
  const [gateway, { delivery, registry }] = await Promise.all([cluster.gateway(), cluster.delivery()]);
  const client = stack.use(await gateway.client("anna", [channelRoom("lobby")]));
  const stranger = await connect(uri);
  stack.defer(() => stranger.close());
  return {
    exchange: `${cluster.name}.outgoing`,
    gateway,
    client,
    delivery,
    registry,
    channel: await stranger.createChannel(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};

const rabbitmq: DriverUnderTest = {
  driver: "rabbitmq",
  shared: async () => ({ ...(await sharedServer("rabbitmq")), [Symbol.asyncDispose]: async () => {} }),
  mortal: () => startServer("rabbitmq"),
  promises: { roomwise: true, namesMissing: true, json: true },
};

describe("deliveries over RabbitMQ", () => {
  adapterSuite(rabbitmq);

  test("what a stranger publishes under any key ends no gateway, and is counted", async () => {
    await using it = await open();
    const junk = ["", "x", "{", "[]", "null", "\xc1", '{"v":2,"event":"newer"}', '{"v":1,"event":"connect"}'];
    for (const key of ["/", "c:lobby", "#members", "#io-nodes", `#io-answer:${it.gateway.node}`])
      for (const text of junk)
        it.channel.publish(it.exchange, key, Buffer.from(text, "latin1"), { headers: { "x-some": [{ thing: 1 }] } });
    it.channel.publish(it.exchange, "c:lobby", Buffer.from('{"v":1,"rooms":["c:lobby"],"event":"news"}'));
    await eventually(() => expect(it.client.heard).toEqual([["news"]]));
    await eventually(async () =>
      expect(String(await it.gateway.ask("metrics"))).toMatch(/realtime_bus_malformed_total [1-9]/),
    );
  });

  test("an exchange that somebody deletes is made again, and bound", async () => {
    await using it = await open();
    await it.channel.deleteExchange(it.exchange);
    await eventually(
      () => {
        it.delivery.emitter().to("lobby").emit("back");
        expect(it.client.heard).toContainEqual(["back"]);
      },
      { timeoutMs: 30_000, everyMs: 200 },
    );
  });

  test("a gateway that does not keep up holds nobody up: what its queue cannot hold is counted by who said it", async () => {
    await using it = await open();
    it.gateway.process.child.kill("SIGSTOP");
    const large = Buffer.alloc(1_000_000);
    const slow = async () => /dropped_total\{reason="slow"\} (\d+)/.exec(await it.registry.metrics())?.[1];
    await eventually(
      async () => {
        it.delivery.emitter().to("lobby").emit("large", large);
        expect(Number(await slow())).toBeGreaterThan(0);
      },
      { timeoutMs: 50_000, everyMs: 10 },
    );
    const heard: string[] = [];
    await it.delivery.bus.subscribe("others", () => heard.push("others"));
    it.delivery.bus.publish("others", new Uint8Array(1));
    await eventually(() => expect(heard).toEqual(["others"]));
    it.gateway.process.child.kill("SIGCONT");
    await eventually(
      () => {
        it.delivery.emitter().to("lobby").emit("small");
        expect(it.client.heard).toContainEqual(["small"]);
      },
      { timeoutMs: 30_000, everyMs: 200 },
    );
  });
});

describe("deliveries over RabbitMQ's log", () =>
  adapterSuite({
    ...rabbitmq,
    mortal: startStreams,
    promises: { roomwise: false, namesMissing: true, json: false },
    recovery: { maxMessages: 10_000, maxBytes: 64 << 20 },
  }));
