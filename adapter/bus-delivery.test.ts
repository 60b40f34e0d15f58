import { expect, test } from "@jest/globals";
import { Server } from "socket.io";
import { silentLog } from "#process";
import { busDelivery } from "./bus-delivery.ts";

test("a bus that never answers does not hold up the end", async () => {
  const io = new Server();
  const bus = { publish: () => {}, subscribe: () => new Promise<never>(() => {}), connected: () => false };
  const delivery = busDelivery(bus, { node: "a-1", log: silentLog() });
  delivery.attach(io);
  io.of("/").emit("said");
  await expect(delivery[Symbol.asyncDispose]()).resolves.toBeUndefined();
});
