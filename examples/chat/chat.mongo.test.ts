import { randomBytes } from "node:crypto";
import { expect, jest, test } from "@jest/globals";
import { eventually, sharedServer } from "#testing";
import { shortCollection } from "../../adapter/testing/mongo.ts";
import { openClient } from "../testing/client.ts";
import { PATIENCE, runExample } from "../testing/run-example.ts";

jest.setTimeout(240_000);

test("the chat with its store on a MongoDB of one's own goes on without a gateway", async () => {
  const { uri } = await sharedServer("mongo");
  const name = `chat-${randomBytes(4).toString("hex")}`;
  await using _ = await shortCollection(uri, name);
  await using example = await runExample("chat", {
    edit: (resource) => {
      resource.setIn(["metadata", "name"], name);
      resource.setIn(["spec", "store", "type"], "mongo");
      resource.setIn(["spec", "servers"], { mongo: { secretRef: { name: "mongo" } } });
    },
    secrets: { mongo: { uri } },
  });
  await example.settled((pids) => Object.keys(pids).filter((it) => !it.includes("hub")).length === 5);
  using ada = await openClient(example.url, { channels: ["lobby"] });
  using bob = await openClient(example.url, { channels: ["lobby"] });
  const both = [ada, bob];
  const say = async (text: string) => {
    const { id }: { id: string } = JSON.parse(
      JSON.stringify(await ada.ask("chat:message", { channel: "lobby", text })),
    );
    for (const client of both) await client.hear("chat:message", { id, text });
    return id;
  };
  const id = await say("hello");
  await ada.hear("job:done", { id });
  await eventually(async () => expect(await ada.ask("job:status", { id })).toMatchObject({ state: "done" }), PATIENCE);
  expect(await bob.ask("presence", { channel: "lobby" })).toMatchObject({ ok: true });

  const [gateway = ""] = Object.keys(await example.pids()).filter((it) => it.includes("-gateway-"));
  await example.killAndAwait(gateway);
  await eventually(() => expect(both.map(({ socket }) => socket.connected)).toEqual([true, true]), PATIENCE);
  await eventually(() => say("still here"), PATIENCE);
  expect(await example.interrupt()).toBe(0);
  expect(example.alive()).toEqual([]);
});
