import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdapter as redisAdapter } from "@socket.io/redis-adapter";
import { createAdapter as redisStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { connect } from "amqplib";
import { Redis } from "ioredis";
import { Registry } from "prom-client";
import { Server } from "socket.io";
import { Publisher, Subscriber } from "zeromq";
import { openDelivery } from "#adapter";
import { silentLog } from "#process";
import { cpuMicros, serveRemote } from "../remote.ts";

/** One of several socket.io servers, joined by what is measured. */
const http = createServer();
const io = new Server(http, { transports: ["websocket"] });
io.on("connection", (socket) =>
  socket.on("subscribe", async ({ channel }: { channel: string }, ack: (answer: object) => void) => {
    await socket.join(channel);
    ack({ ok: true });
  }),
);

type Say = (room: string, payload: string) => void;
let say: Say = (room, payload) => void io.to(room).emit("bench", payload);
let taken: () => number | Promise<number> = () => 0;

/** Counts what comes in where the adapter does not. */
const counting = (): (() => void) => {
  let count = 0;
  taken = () => count;
  return () => void (count += 1);
};

/** What those write who have no adapter for their transport: all say it to all, and each emits to its own clients. */
const hear = (message: Uint8Array): void => {
  const [room, payload]: [string, string] = JSON.parse(Buffer.from(message).toString());
  io.local.to(room).emit("bench", payload);
};

const sides: Record<string, (uri: string, others: readonly string[]) => Promise<unknown>> = {
  "@socket.io/redis-adapter": async (uri) => {
    const [pub, sub] = [new Redis(uri), new Redis(uri)];
    io.adapter(redisAdapter(pub, sub, { key: "official" }));
    sub.on("pmessageBuffer", counting());
    await once(sub, "ready");
  },
  "@socket.io/redis-streams-adapter": async (uri) => {
    const client = new Redis(uri);
    await once(client, "ready");
    io.adapter(redisStreamsAdapter(client, { streamName: "official", readCount: 1000 }));
  },
  "a fan-out exchange": async (uri) => {
    const channel = await (await connect(uri)).createChannel();
    await channel.assertExchange("bench.fan-out", "fanout", { durable: false });
    const { queue } = await channel.assertQueue("", { exclusive: true });
    await channel.bindQueue(queue, "bench.fan-out", "");
    const count = counting();
    await channel.consume(
      queue,
      (message) => {
        count();
        if (message !== null) hear(message.content);
      },
      { noAck: true },
    );
    say = (room, payload) => void channel.publish("bench.fan-out", "", Buffer.from(JSON.stringify([room, payload])));
  },
  "bare ZeroMQ sockets": async (uri, others) => {
    const publisher = new Publisher({ sendHighWaterMark: 0 });
    const subscriber = new Subscriber({ receiveHighWaterMark: 0 });
    await publisher.bind(uri);
    subscriber.subscribe();
    for (const other of others) subscriber.connect(other);
    const count = counting();
    void (async () => {
      for await (const [message] of subscriber) {
        count();
        if (message !== undefined) hear(message);
      }
    })();
    // A socket sends one message at a time.
    let sent: Promise<unknown> = Promise.resolve();
    say = (room, payload) => {
      const message = JSON.stringify([room, payload]);
      sent = sent.then(() => publisher.send(message));
    };
  },
};

const ours = async (driver: "redis" | "zeromq" | "rabbitmq" | "mongo", uri: string, node: string) => {
  const registry = new Registry();
  const settings = async () => ({ uri });
  const delivery = await openDelivery(driver, { cluster: "bench", node, settings, log: silentLog(), registry });
  delivery.attach(io);
  await delivery.ready();
  taken = async () =>
    Number(/^realtime_bus_received_total(?:\{.*\})? (\d+)$/m.exec(await registry.metrics())?.[1] ?? 0);
};

serveRemote({
  async start(kind: string, uri: string, node: string, others: readonly string[]) {
    const side = sides[kind];
    if (side === undefined) await ours(kind as "redis", uri, node);
    else await side(uri, others);
    io.of("/");
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    return (http.address() as AddressInfo).port;
  },
  cpu: cpuMicros,
  taken: () => taken(),
  /** `count` messages, each to the next of `rooms`. */
  say(rooms: readonly string[], from: number, count: number, payload: string) {
    for (let i = from; i < from + count; i++) say(rooms[i % rooms.length] ?? "", payload);
  },
});
