import { expect, test } from "@jest/globals";
import { Server } from "socket.io";
import { silentLog } from "#process";
import { eventually } from "#testing";
import { pino } from "pino";
import { busDelivery } from "./bus-delivery.ts";
import { encodeMessage, namespaceTopic, SENDER_BYTES } from "./cluster-message.ts";

test("a bus that never answers does not hold up the end", async () => {
  const io = new Server();
  const bus = { publish: () => {}, subscribe: () => new Promise<never>(() => {}), connected: () => false };
  const delivery = busDelivery(bus, { node: "a-1", log: silentLog() });
  delivery.attach(io);
  io.of("/").emit("said");
  await expect(delivery[Symbol.asyncDispose]()).resolves.toBeUndefined();
});

test("a question whose answer cannot be written is a line in the log", async () => {
  const heard = new Map<string, (bytes: Uint8Array) => void>();
  const bus = {
    publish: () => {},
    subscribe: (topic: string, listener: (bytes: Uint8Array) => void) => {
      heard.set(topic, listener);
      return Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() });
    },
    connected: () => true,
  };
  const lines: string[] = [];
  const io = new Server();
  await using delivery = busDelivery(bus, { node: "a-1", log: pino({}, { write: (line) => lines.push(line) }) });
  delivery.attach(io);
  const nsp = io.of("/");
  const data: { self?: object } = {};
  data.self = data;
  const socket = { id: "s", handshake: {}, rooms: new Set<string>(), data };
  Reflect.apply(Map.prototype.set, nsp.sockets, ["s", socket]);
  await nsp.adapter.addAll("s", new Set(["s"]));
  await delivery.ready();
  const question = { kind: "fetch", to: { rooms: new Set<string>() }, asker: { node: "b", request: 1 } } as const;
  heard.get(namespaceTopic("/"))?.(encodeMessage(Buffer.alloc(SENDER_BYTES), question));
  await eventually(() => expect(lines.join()).toContain("cannot be answered"));
});
