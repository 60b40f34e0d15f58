import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createAdapter } from "@socket.io/redis-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";
import { io, type Socket } from "socket.io-client";
import { eventually, sharedServer } from "#testing";
import { testCluster, type TestClient, type TestCluster, type TestGateway } from "../testing/cluster.ts";

/** What it has taken in so far, by its own count. */
const received = async ({ ask }: TestGateway): Promise<number> =>
  Number(/^realtime_bus_received_total (\d+)$/m.exec(String(await ask("metrics")))?.[1]);

describe("a room's messages", () => {
  const stack = new AsyncDisposableStack();
  let cluster: TestCluster;
  let one: TestGateway;
  let two: TestGateway;
  let three: TestGateway;
  let ben: TestClient;
  let carl: TestClient;
  beforeAll(async () => {
    cluster = stack.use(testCluster("redis", (await sharedServer("redis")).uri));
    [one, two, three] = await Promise.all([cluster.gateway(), cluster.gateway(), cluster.gateway()]);
    ben = stack.use(await two.client("ben", ["a", "b"]));
    carl = stack.use(await three.client("carl", ["c"]));
    await eventually(async () => expect(await one.ask("nodes")).toBe(3));
  });
  afterAll(() => stack.disposeAsync());

  test.each([
    ["one room", ["a"], 1],
    ["several rooms", ["a", "b", "nobody"], 2],
  ])("to %s reach the gateways that hold a member, and no other", async (_of, rooms, copies) => {
    const before = { two: await received(two), three: await received(three) };
    for (let index = 0; index < 300; index += 1) await one.ask("emit", { rooms, event: "n", args: [index] });
    await one.ask("emit", { rooms: ["c"], event: "end" });
    await eventually(() => {
      expect(ben.heard).toHaveLength(300);
      expect(carl.heard).toEqual([["end"]]);
    });
    expect(ben.heard.splice(0)).toEqual(Array.from({ length: 300 }, (_, index) => ["n", index]));
    carl.heard.splice(0);
    expect(await received(two)).toBeGreaterThanOrEqual(before.two + 300 * copies);
    // Heartbeats are what else there is.
    expect(await received(three)).toBeLessThan(before.three + 100);
  });

  test("too large for copies reach all members all the same, once", async () => {
    await one.ask("emit", { rooms: ["a", "b", "c"], event: "large", args: ["x".repeat(600_000)] });
    await eventually(() => {
      expect(ben.heard).toHaveLength(1);
      expect(carl.heard).toHaveLength(1);
    });
    for (const { heard } of [ben, carl]) heard.splice(0);
  });

  test("no longer come some seconds after the last member left", async () => {
    const guest = await three.client("guest", ["brief"]);
    await one.ask("emit", { rooms: ["brief"], event: "x" });
    await eventually(() => expect(guest.heard).toEqual([["x"]]));
    guest.socket.disconnect();
    await eventually(
      async () => {
        const before = await received(three);
        for (let index = 0; index < 50; index += 1) await one.ask("emit", { rooms: ["brief"], event: "x" });
        expect(await received(three)).toBeLessThan(before + 25);
      },
      { timeoutMs: 20_000, everyMs: 500 },
    );
  });

  test("of a question reach who is there, and the answer names who does not answer", async () => {
    await using four = await cluster.gateway();
    await eventually(async () => expect(await one.ask("nodes")).toBe(4));
    await eventually(async () => expect(await one.ask("fetch")).toHaveLength(2));
    four.process.child.kill("SIGSTOP");
    const asked = one.ask("fetch").catch((error: unknown) => String(error));
    await four.process.kill("SIGKILL");
    const started = performance.now();
    expect(await asked).toMatch(`missing 1 responses: ${four.node}`);
    expect(performance.now() - started).toBeLessThan(2500);
    await expect(one.ask("serverSideAsk")).rejects.toThrow(`missing 1 responses: ${four.node}`);
  });
});

describe("a server with socket.io's own Redis adapter beside ours", () => {
  const stack = new AsyncDisposableStack();
  let gateway: TestGateway;
  let anna: TestClient;
  let server: Server;
  let ben: Socket;
  const heard: unknown[][] = [];
  beforeAll(async () => {
    const { uri } = await sharedServer("redis");
    const cluster = stack.use(testCluster("redis", uri));
    gateway = await cluster.gateway();
    anna = stack.use(await gateway.client("anna", ["a", "both"]));
    const [pub, sub] = [new Redis(uri), new Redis(uri)];
    const http = createServer();
    server = new Server(http, { adapter: createAdapter(pub, sub, { key: cluster.name }), transports: ["websocket"] });
    stack.defer(async () => {
      await server.close();
      pub.disconnect();
      sub.disconnect();
    });
    server.on("connection", (socket) => void socket.join(["b", "c", "both"]));
    server.on("server-side", (answer: (text: string) => void) => answer("official"));
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    ben = io(`http://127.0.0.1:${(http.address() as AddressInfo).port}`, { transports: ["websocket"], forceNew: true });
    stack.defer(() => void ben.disconnect());
    ben.onAny((...event: unknown[]) => heard.push(event));
    await new Promise<void>((resolve) => ben.once("connect", resolve));
    await eventually(async () => expect(await gateway.ask("nodes")).toBe(2));
  });
  afterAll(() => stack.disposeAsync());

  test("hears ours once each: everyone, a room, several rooms", async () => {
    await gateway.ask("emit", { event: "everyone" });
    await gateway.ask("emit", { rooms: ["both"], event: "room" });
    await gateway.ask("emit", { rooms: ["b", "c", "a"], event: "rooms" });
    await gateway.ask("emit", { rooms: ["a"], event: "not ben's" });
    await gateway.ask("emit", { rooms: ["b"], event: "end" });
    await eventually(() => expect(heard).toContainEqual(["end"]));
    expect(heard.splice(0)).toEqual([["everyone"], ["room"], ["rooms"], ["end"]]);
    anna.heard.splice(0);
  });
  test("is heard by ours once each", async () => {
    server.emit("everyone");
    server.to("both").emit("room");
    server.to(["a", "b", "both"]).emit("rooms");
    server.to("b").emit("not anna's");
    server.to(String(anna.socket.id)).emit("socket");
    await eventually(() => expect(anna.heard).toContainEqual(["socket"]));
    expect(anna.heard.splice(0)).toEqual([["everyone"], ["room"], ["rooms"], ["socket"]]);
  });
  test("answers ours, and is answered", async () => {
    expect(await gateway.ask("fetch")).toHaveLength(2);
    expect(await server.fetchSockets()).toHaveLength(2);
    expect(await gateway.ask("serverSideAsk")).toEqual(["official"]);
    expect(await server.serverSideEmitWithAck("server-side")).toEqual([gateway.node]);
    ben.once("who", (ack: (name: string) => void) => ack("ben"));
    anna.socket.once("who", (ack: (name: string) => void) => ack("anna"));
    expect(((await gateway.ask("ask", { event: "who" })) as string[]).toSorted()).toEqual(["anna", "ben"]);
  });
});
