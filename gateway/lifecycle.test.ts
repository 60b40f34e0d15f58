import { describe, expect, test } from "@jest/globals";
import { eventually, sharedServer, spawnNode } from "#testing";
import { SESSION_KEY, testCluster } from "./testing/cluster.ts";
import { poolOf } from "./testing/settings.ts";
import { fileURLToPath } from "node:url";
import { io as connect } from "socket.io-client";

const pool = poolOf("life", ["$connected", "$disconnected", "$occupied", "$vacated"]);
const CHILD = fileURLToPath(new URL("./testing/child.ts", import.meta.url));

const told = (all: [event: string, payload: unknown][], event: string) =>
  all.filter(([name]) => name === event).map(([, payload]) => payload as Record<string, unknown>);

describe("what pools are told of connections and channels", () => {
  test("each once: connected, occupied by the first, vacated by the last, disconnected", async () => {
    await using cluster = testCluster([pool]);
    const all: [string, unknown][] = [];
    await cluster.worker(pool, (job) => all.push([job.event, job.payload]));
    const [here, there] = [await cluster.gateway(), await cluster.gateway()];
    using anna = await here.client();
    using ben = await there.client();
    for (const client of [anna, ben]) await client.ask("subscribe", { channel: "room" });
    await eventually(() =>
      expect([told(all, "$connected").length, told(all, "$occupied")]).toMatchObject([2, [{ channel: "room" }]]),
    );
    const socket = anna.socket.id;
    anna.socket.disconnect();
    await eventually(() =>
      expect(told(all, "$disconnected")).toMatchObject([
        { socket, user: expect.any(String), reason: expect.any(String) },
      ]),
    );
    ben.socket.disconnect();
    await eventually(() => expect(told(all, "$vacated")).toMatchObject([{ channel: "room" }]));
    await eventually(() => expect(told(all, "$disconnected")).toHaveLength(2));
    expect(told(all, "$occupied")).toHaveLength(1);
  });

  test("for a gateway that was killed, the others tell it once, and watchers see who left, and a user's places are free again", async () => {
    await using cluster = testCluster([pool]);
    const all: [string, unknown][] = [];
    await cluster.worker(pool, (job) => all.push([job.event, job.payload]));
    const [here, there] = [await cluster.gateway({ limits: { connectionsPerUser: 1 } }), await cluster.gateway()];
    await using child = spawnNode(CHILD, {
      NAME: cluster.name,
      SESSION_KEY,
      REDIS: (await sharedServer("redis")).uri,
      RABBITMQ: (await sharedServer("rabbitmq")).uri,
    });
    const port = await eventually(() => {
      const [message] = child.messages as { port: number }[];
      if (message === undefined) throw new Error(child.lines.join("\n"));
      return message.port;
    });
    using anna = await here.client();
    await anna.ask("presence", { channel: "room", watch: true });
    const ben = connect(`http://127.0.0.1:${port}`, { transports: ["websocket"], forceNew: true, reconnection: false });
    const session = new Promise<{ token: string }>((resolve) => void ben.once("session", resolve));
    const again = connect(`http://127.0.0.1:${here.gateway.port}`, {
      transports: ["websocket"],
      forceNew: true,
      autoConnect: false,
      reconnectionDelayMax: 1000,
    });
    const errors: unknown[] = [];
    again.on("connect_error", (error) => errors.push("data" in error ? error.data : error.message));
    try {
      again.auth = { token: (await session).token };
      expect(await ben.emitWithAck("subscribe", { channel: "room" })).toEqual({ ok: true });
      const socket = ben.id;
      await eventually(() => expect(anna.of("presence:join")).toHaveLength(1));
      await child.kill("SIGKILL");
      again.connect();
      await eventually(
        () => {
          expect(told(all, "$disconnected")).toMatchObject([{ socket, reason: "the gateway is gone" }]);
          expect(told(all, "$vacated")).toMatchObject([{ channel: "room" }]);
          expect(anna.of("presence:leave")).toHaveLength(1);
        },
        { timeoutMs: 45_000 },
      );
      await eventually(() => expect(again.connected).toBe(true), { timeoutMs: 15_000 });
      expect(errors).toEqual([]);
      expect(await here.metric("realtime_refusals_total", { code: "places_unsettled", level: "close" })).not.toBe(0);
      expect(await there.store.presence.nodes()).toHaveLength(1);
    } finally {
      again.disconnect();
      ben.disconnect();
    }
  });

  test("nothing is held for connections that are gone", async () => {
    await using cluster = testCluster();
    const gateway = await cluster.gateway();
    for (let round = 0; round < 10; round += 1) {
      const clients = await Promise.all(Array.from({ length: 100 }, () => gateway.client()));
      await Promise.all(clients.map((client, n) => client.ask("subscribe", { channel: `room:${n % 10}` })));
      for (const { socket } of clients) socket.disconnect();
    }
    await eventually(async () => {
      for (const name of ["connections", "local_channels", "acks_owed", "requests_waiting", "presence_underway"])
        expect([name, await gateway.metric(`realtime_${name}`)]).toEqual([name, 0]);
    });
    const { adapter, sockets, _preConnectSockets } = Object(gateway.gateway.context.io.of("/"));
    expect([adapter.rooms.size, adapter.sids.size, sockets.size, _preConnectSockets.size]).toEqual([0, 0, 0, 0]);
    await eventually(async () => expect(await gateway.store.presence.nodes()).toEqual([]));
  });

  test("a gateway that is asked to go takes clients until it is quiet, then refuses them, never over a connection that is kept", async () => {
    await using cluster = testCluster();
    const gateway = await cluster.gateway({ drain: { graceSeconds: 5, reconnectsPerSecond: 1 } });
    for (let i = 0; i < 4; i += 1) await gateway.client();
    const drained = gateway.gateway.drain();
    expect(gateway.gateway.context.draining()).toBe(true);
    await gateway.client();
    const closed = () => gateway.metric("realtime_gateway_drained_total");
    await eventually(async () => expect(await closed()).toBeGreaterThan(0));
    const answer = await fetch(`http://127.0.0.1:${gateway.gateway.port}/socket.io/?EIO=4&transport=polling`);
    expect([answer.status, answer.headers.get("connection"), await answer.json()]).toEqual([
      403,
      "close",
      { code: 4, message: "draining" },
    ]);
    await drained;
    expect(await closed()).toBe(5);
  });

  test("a gateway that drains takes nobody, lets its sessions go, and their clients come back to another", async () => {
    await using cluster = testCluster();
    const gateway = await cluster.gateway();
    const reasons: string[] = [];
    const clients = await Promise.all(Array.from({ length: 50 }, () => gateway.client()));
    for (const { socket } of clients) socket.once("disconnect", (reason) => reasons.push(reason));
    await gateway.stop();
    await eventually(() => expect(reasons).toHaveLength(50));
    expect(new Set(reasons)).toEqual(new Set(["transport close"]));
  });
});
