import { randomBytes } from "node:crypto";
import { expect, jest, test } from "@jest/globals";
import { eventually, sharedServer } from "#testing";
import { shortCollections } from "../../adapter/testing/mongo.ts";
import { openClient } from "../testing/client.ts";
import { PATIENCE, runExample } from "../testing/run-example.ts";

jest.setTimeout(240_000);

test("the chat runs over a MongoDB of one's own, and clients of two gateways hear each other", async () => {
  const { uri } = await sharedServer("mongo");
  const name = `chat-${randomBytes(4).toString("hex")}`;
  await using _ = await shortCollections(uri, name);
  await using example = await runExample("chat", {
    edit: (resource) => {
      resource.setIn(["metadata", "name"], name);
      resource.setIn(["spec", "adapter", "type"], "mongo");
      resource.setIn(["spec", "servers"], { mongo: { secretRef: { name: "mongo" } } });
    },
    secrets: { mongo: { uri } },
  });
  await example.settled((pids) => Object.keys(pids).filter((it) => it.includes("-gateway-")).length === 2);
  using clients = new DisposableStack();
  const open = async () => clients.use(await openClient(example.url, { channels: ["lobby"] }));
  const all = [await open(), await open(), await open(), await open()];
  await eventually(async () => {
    const { gateways } = await example.snapshot();
    expect(gateways.map(({ connections }) => connections)).not.toContain(0);
  }, PATIENCE);
  const [ada] = all;
  const answer = await ada?.ask("chat:message", { channel: "lobby", text: "hello" });
  expect(answer).toMatchObject({ ok: true, id: expect.any(String) });
  const { id }: { id: string } = JSON.parse(JSON.stringify(answer));
  for (const client of all) await client.hear("chat:message", { id, text: "hello" });
  await ada?.hear("job:done", { id });
  const status = () => ada?.ask("job:status", { id });
  await eventually(async () => expect(await status()).toMatchObject({ ok: true, job: { state: "done" } }), PATIENCE);
  expect(await example.interrupt()).toBe(0);
  expect(example.alive()).toEqual([]);
});
