import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Server, type Socket } from "socket.io";
import { io as connect, type Socket as Client } from "socket.io-client";
import { eventually } from "#testing";
import { createJoiner, joinWrites } from "./join-writes.ts";

let server: Server;
let sockets: Socket[];
let url: string;
let stack: DisposableStack;
beforeEach(async () => {
  stack = new DisposableStack();
  const http = createServer();
  server = new Server(http, { maxHttpBufferSize: 1e8 });
  joinWrites(server.engine);
  sockets = [];
  server.on("connection", (socket) => {
    sockets.push(socket);
    void socket.join("room");
    socket.on("ask", (value: unknown, ack: (value: unknown) => void) => ack(value));
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
});
afterEach(async () => {
  stack.dispose();
  await server.close();
});

const client = async (transports: ("websocket" | "polling")[] = ["websocket"]) => {
  const socket: Client = connect(url, { transports, reconnection: false });
  stack.defer(() => void socket.disconnect());
  const seen: unknown[] = [];
  socket.onAny((event: string, ...args: unknown[]) => seen.push([event, ...args]));
  await new Promise((resolve) => void socket.once("connect", () => resolve(undefined)));
  return { socket, seen };
};
const said = (socket: Client, event: string) => new Promise((resolve) => void socket.once(event, resolve));

describe("what is sent arrives whole and in order", () => {
  test("to a room and to one socket, text and binary, in one turn and over many", async () => {
    const clients = await Promise.all([client(), client(), client()]);
    const ends = clients.map(({ socket }) => said(socket, "end"));
    const expected: unknown[] = [];
    for (let turn = 0; turn < 50; turn++) {
      for (let i = 0; i < 7; i++) {
        server.to("room").emit("number", turn, i);
        expected.push(["number", turn, i]);
      }
      const bytes = Buffer.from([turn, 1, 2]);
      server.to("room").emit("bytes", bytes);
      for (const socket of sockets) socket.emit("own", turn);
      expected.push(["bytes", bytes], ["own", turn]);
      await new Promise((resolve) => void setImmediate(resolve));
    }
    server.emit("end");
    await Promise.all(ends);
    for (const { seen } of clients) expect(seen).toEqual([...expected, ["end"]]);
  });

  test("5 MB at once behind small ones", async () => {
    const { socket, seen } = await client();
    const end = said(socket, "end");
    const large = "x".repeat(5_000_000);
    for (const payload of ["a", large, "b"]) server.emit("text", payload);
    server.emit("end");
    await end;
    expect(seen).toEqual([["text", "a"], ["text", large], ["text", "b"], ["end"]]);
  });

  test("acks, and a client that came by polling and upgraded", async () => {
    const { socket } = await client(["polling", "websocket"]);
    expect(await socket.emitWithAck("ask", { a: 1 })).toEqual({ a: 1 });
    await eventually(() => expect(socket.io.engine.transport.name).toBe("websocket"));
    expect(await Promise.all([1, 2, 3].map((n) => socket.emitWithAck("ask", n)))).toEqual([1, 2, 3]);
  });

  test("what was said right before a disconnect arrives before it", async () => {
    const { socket, seen } = await client();
    const gone = said(socket, "disconnect");
    for (let i = 0; i < 5; i++) sockets[0]?.emit("last", i);
    sockets[0]?.disconnect(true);
    await gone;
    expect(seen).toEqual([0, 1, 2, 3, 4].map((i) => ["last", i]));
  });
});

test("engine.io keeps no account of calls that have been answered", async () => {
  const { socket } = await client();
  for (let i = 0; i < 500; i++) {
    server.emit("n", i);
    if (i % 3 === 0) await new Promise((resolve) => void setImmediate(resolve));
  }
  await socket.emitWithAck("ask", 1);
  const conn = sockets[0]?.conn ?? {};
  expect(Reflect.get(conn, "sentCallbackFn")).toHaveLength(0);
  expect(Reflect.get(conn, "writeBuffer")).toHaveLength(0);
});

test("sockets that wait for the same frames share the bytes", () => {
  const join = createJoiner();
  const [a, b] = [[Buffer.from("a")], [Buffer.from("b"), Buffer.from("c")]];
  const first = join([a, b]);
  expect(first.toString()).toBe("abc");
  expect(join([a, b])).toBe(first);
  expect(join([b, a]).toString()).toBe("bca");
  expect(join([a]).toString()).toBe("a");
});
