import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, test } from "@jest/globals";
import { askJobsLeft } from "./ask.ts";

const encoded = (text: string) => Buffer.from(text).toString("base64");
const secret = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "chat-rabbitmq" },
  data: { username: encoded("realtime"), password: encoded("secret") },
};

test("a server that was just left is not said to be empty: its totals come later", async () => {
  let asked = 0;
  const server = createServer((_request, response) => {
    asked++;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify([{ name: "chat.jobs.a", messages: 10 }]));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  let time = 0;
  const ask = askJobsLeft(
    { get: async () => secret },
    { clusterDomain: "cluster.local", now: () => time, uriOf: () => `http://127.0.0.1:${port}` },
  );
  expect(await ask("shop/chat")).toBeUndefined();
  time = 14_000;
  expect(await ask("shop/chat")).toBeUndefined();
  expect(asked).toBe(0);
  time = 15_000;
  expect(await ask("shop/chat")).toBe(10);
  time = 16_000;
  expect(await ask("shop/chat")).toBe(10);
  expect(asked).toBe(1);
  time = 21_000;
  expect(await ask("shop/chat")).toBe(10);
  expect(asked).toBe(2);
  server.closeAllConnections();
  server.close();
});
