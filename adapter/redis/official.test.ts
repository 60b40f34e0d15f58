import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createAdapter } from "@socket.io/redis-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";
import { io, type Socket } from "socket.io-client";
import { eventually, sharedServer } from "#testing";
import { testCluster, type TestClient, type TestGateway } from "../testing/cluster.ts";

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
  test("hears ours once, too large for copies", async () => {
    await gateway.ask("emit", { rooms: ["b", "c", "a"], event: "large", args: ["x".repeat(600_000)] });
    await eventually(() => expect(anna.heard).toHaveLength(1));
    await gateway.ask("emit", { rooms: ["b"], event: "end" });
    await eventually(() => expect(heard).toContainEqual(["end"]));
    expect(heard.splice(0)).toHaveLength(2);
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
