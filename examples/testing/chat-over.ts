import { randomBytes } from "node:crypto";
import { expect } from "@jest/globals";
import { eventually, sharedServer } from "#testing";
import { openClient } from "./client.ts";
import { PATIENCE, runExample } from "./run-example.ts";
import { spreads } from "./spreads.ts";

/** The two words of the chat's resource. */
export interface Mix {
  adapter: "redis" | "rabbitmq" | "mongo" | "zeromq";
  broker: "rabbitmq" | "zeromq";
}

/** Its servers of one's own, whichever of them the words then ask for. */
const secretsFor = async ({ adapter }: Mix, cluster: string): Promise<Record<string, { uri: string }>> => {
  const [redis, rabbitmq] = await Promise.all([sharedServer("redis"), sharedServer("rabbitmq")]);
  const address = new URL(redis.uri);
  address.searchParams.set("prefix", cluster);
  const mongo = adapter === "mongo" ? { mongo: { uri: (await chatMongo()).uri } } : {};
  return { redis: { uri: address.href }, rabbitmq: { uri: rabbitmq.uri }, ...mongo };
};

/** The MongoDB of the chat's tests. */
export const chatMongo = () => sharedServer("mongo", import.meta.filename);

/** A name that no other cluster has. */
export const chatName = (): string => `chat-${randomBytes(4).toString("hex")}`;

/** Runs the chat with these words: clients of two gateways hear each other, and a job is done and remembered. */
export const chatOver = async (mix: Mix, name = chatName()): Promise<void> => {
  const secrets = await secretsFor(mix, name);
  await using example = await runExample("chat", {
    edit: (resource) => {
      resource.setIn(["metadata", "name"], name);
      resource.setIn(
        ["spec", "servers"],
        Object.fromEntries(Object.keys(secrets).map((server) => [server, { secretRef: { name: server } }])),
      );
      resource.setIn(["spec", "adapter", "type"], mix.adapter);
      resource.setIn(["spec", "broker", "type"], mix.broker);
    },
    secrets,
  });
  await example.settled((pids) => Object.keys(pids).filter((it) => /-(gateway|worker)-/.test(it)).length === 4);
  await spreads(example);
  using clients = new DisposableStack();
  const open = async () => clients.use(await openClient(example.url, { channels: ["lobby"] }));
  const ada = await open();
  const all = [ada, await open(), await open(), await open()];
  const answer = await ada.ask("chat:message", { channel: "lobby", text: "hello" });
  expect(answer).toMatchObject({ ok: true, id: expect.any(String) });
  const { id }: { id: string } = JSON.parse(JSON.stringify(answer));
  for (const client of all) await client.hear("chat:message", { id, text: "hello" });
  await ada.hear("job:done", { id });
  const status = () => ada.ask("job:status", { id });
  await eventually(async () => expect(await status()).toMatchObject({ ok: true, job: { state: "done" } }), PATIENCE);
  expect(await example.interrupt()).toBe(0);
  expect(example.alive()).toEqual([]);
};
