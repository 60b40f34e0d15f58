import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { io as connect, type Socket } from "socket.io-client";
import { eventually, sharedServer } from "#testing";
import { neverTwice, roundRobin, type Balancer } from "./testing/balancers.ts";
import { startGateways, type Gateways } from "./testing/gateways.ts";

let gateways: Gateways;
beforeAll(async () => {
  gateways = await startGateways(3, (await sharedServer("redis")).uri, { PING_INTERVAL: "300" });
}, 60_000);
afterAll(async () => gateways[Symbol.asyncDispose]());

const client = async (url: string, transports: string[]): Promise<Socket & Disposable> => {
  const socket = connect(url, { transports, forceNew: true, reconnection: false });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
  });
  return Object.assign(socket, { [Symbol.dispose]: () => void socket.disconnect() });
};
const ask = (socket: Socket, ...args: [string, ...unknown[]]): Promise<unknown> =>
  socket.timeout(20_000).emitWithAck(...args);
const total = async (metric: string) => {
  const values = await Promise.all(gateways.all.map((gateway) => gateway.metric(metric)));
  return values.reduce((sum, value) => sum + value, 0);
};

describe.each<[string, (ports: readonly number[]) => Promise<Balancer>]>([
  ["each connection to the next gateway", roundRobin],
  ["no two requests of a session to the same gateway", neverTwice],
])("%s", (_name, balance) => {
  let balancer: Balancer;
  beforeAll(async () => {
    balancer = await balance(gateways.ports());
  });
  afterAll(async () => balancer[Symbol.asyncDispose]());

  test("polling: events, acks and binary both ways, in order", async () => {
    using socket = await client(balancer.url, ["polling"]);
    const heard: unknown[] = [];
    socket.on("echoed", (it: unknown) => heard.push(it));
    const binary = Buffer.from([0, 255, 13, 10, 0]);
    expect(await ask(socket, "echo", { deep: [binary, "text"] })).toEqual({ deep: [binary, "text"] });
    const sent = Array.from({ length: 100 }, (_, i) => i);
    await Promise.all(sent.map((i) => ask(socket, "echo", i)));
    expect(heard.slice(1)).toEqual(sent);
    expect(socket.io.engine.transport.name).toBe("polling");
  });

  test("polling: 5 MB posted and answered", async () => {
    using socket = await client(balancer.url, ["polling"]);
    const text = "5 MB ".repeat(1_000_000);
    expect((await ask(socket, "echo", text)) === text).toBe(true);
    const binary = Buffer.alloc(5_000_000, "x");
    expect(binary.equals((await ask(socket, "echo", binary)) as Buffer)).toBe(true);
  });

  test("polling first, then WebSocket: it upgrades, and what is said meanwhile arrives once and in order", async () => {
    const sockets = await Promise.all(Array.from({ length: 6 }, () => client(balancer.url, ["polling", "websocket"])));
    try {
      await Promise.all(
        sockets.map(async (socket) => {
          const heard: unknown[] = [];
          socket.on("echoed", (it: unknown) => heard.push(it));
          const sent = Array.from({ length: 50 }, (_, i) => i);
          await Promise.all(sent.map((i) => ask(socket, "echo", i)));
          await eventually(() => expect(socket.io.engine.transport.name).toBe("websocket"));
          const binary = Buffer.from([1, 2, 3]);
          expect(await ask(socket, "echo", binary)).toEqual(binary);
          expect(heard).toEqual([...sent, binary]);
        }),
      );
      await eventually(async () => expect(await total("realtime_gateway_carried_connections")).toBeGreaterThan(0));
    } finally {
      for (const socket of sockets) socket.disconnect();
    }
    await eventually(async () => {
      expect(await total("realtime_gateway_carried_connections")).toBe(0);
      expect(await total("realtime_gateway_carried_requests")).toBe(0);
    });
  });

  test("sessions outlive many heartbeats", async () => {
    using polling = await client(balancer.url, ["polling"]);
    using upgraded = await client(balancer.url, ["polling", "websocket"]);
    const ended: string[] = [];
    const pings: Socket[] = [];
    for (const socket of [polling, upgraded]) {
      socket.on("disconnect", (reason) => ended.push(reason));
      socket.io.on("ping", () => pings.push(socket));
    }
    await eventually(() => {
      for (const socket of [polling, upgraded]) expect(pings.filter((it) => it === socket).length).toBeGreaterThan(8);
    });
    expect(ended).toEqual([]);
  });
});
