import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, test } from "@jest/globals";
import { API_VERSION, KIND } from "#crds";
import { askJobsLeft } from "./ask.ts";

const encoded = (text: string) => Buffer.from(text).toString("base64");
const secret = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: {
    name: "chat-rabbitmq",
    ownerReferences: [{ apiVersion: API_VERSION, kind: KIND, name: "chat", uid: "1", controller: true }],
  },
  data: { username: encoded("realtime"), password: encoded("secret") },
};

/** Asks a RabbitMQ that holds ten jobs, for a cluster of that uid. */
const start = async (uid: string) => {
  const seen = { asked: 0, time: 0 };
  const server = createServer((_request, response) => {
    seen.asked++;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify([{ name: "chat.jobs.a", messages: 10 }]));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const ask = askJobsLeft(
    { get: async () => secret },
    {
      clusterDomain: "cluster.local",
      uidOf: () => uid,
      now: () => seen.time,
      uriOf: () => `http://127.0.0.1:${port}`,
    },
  );
  const end = () => {
    server.closeAllConnections();
    server.close();
  };
  return { ask, seen, [Symbol.dispose]: end };
};

test("a server that was just left is not said to be empty: its totals come later", async () => {
  using it = await start("1");
  const { ask, seen } = it;
  expect(await ask("shop/chat")).toBeUndefined();
  seen.time = 14_000;
  expect(await ask("shop/chat")).toBeUndefined();
  expect(seen.asked).toBe(0);
  seen.time = 15_000;
  expect(await ask("shop/chat")).toBe(10);
  seen.time = 16_000;
  expect(await ask("shop/chat")).toBe(10);
  expect(seen.asked).toBe(1);
  seen.time = 21_000;
  expect(await ask("shop/chat")).toBe(10);
  expect(seen.asked).toBe(2);
});

test("what is in a Secret that is not the cluster's is shown to nobody", async () => {
  using it = await start("2");
  await it.ask("shop/chat");
  it.seen.time = 15_000;
  expect(await it.ask("shop/chat")).toBeUndefined();
  expect(it.seen.asked).toBe(0);
});
