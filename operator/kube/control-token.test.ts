import { expect, test } from "@jest/globals";
import { API_VERSION, KIND } from "#crds";
import { createControlTokens } from "./control-token.ts";
import { memoryClient } from "./runtime/memory-client.ts";
import { SECRET } from "./secrets.ts";

const owner = (uid: string) => ({ apiVersion: API_VERSION, kind: KIND, name: "chat", uid, controller: true });

test("a token is read once while its Secret stays what it is, and each time while that is not known", async () => {
  const client = memoryClient();
  const data = (token: string) => ({ "control-token": Buffer.from(token).toString("base64") });
  const ref = { ...SECRET, namespace: "default", name: "chat-keys" };
  await client.create(
    { ...SECRET, metadata: { namespace: "default", name: ref.name, ownerReferences: [owner("1")] }, data: data("a") },
    { fieldManager: "us" },
  );
  let seen: string | undefined = "1";
  const tokens = createControlTokens(client, { seen: () => seen, uidOf: () => "1" });
  const reads = () => client.requests.filter(({ verb }) => verb === "get").length;
  expect([await tokens.of("default/chat"), await tokens.of("default/chat"), reads()]).toEqual(["a", "a", 1]);
  await client.merge(ref, { data: data("b") }, { fieldManager: "us" });
  seen = "2";
  expect([await tokens.of("default/chat"), reads()]).toEqual(["b", 2]);
  seen = undefined;
  await tokens.of("default/chat");
  await tokens.of("default/chat");
  expect(reads()).toBe(4);
});

test.each([
  ["that nobody owns", [], "1"],
  ["of a cluster of the same name before", [owner("0")], "1"],
  ["that nobody owns, of a cluster that is not known", [], undefined],
])("what is in a Secret %s is no token", async (_, ownerReferences, uid) => {
  const client = memoryClient();
  const metadata = { namespace: "default", name: "chat-keys", ownerReferences };
  await client.create({ ...SECRET, metadata, data: { "control-token": "eW91cnM=" } }, { fieldManager: "you" });
  const tokens = createControlTokens(client, { seen: () => "1", uidOf: () => uid });
  await expect(tokens.of("default/chat")).rejects.toThrow("somebody else's");
});

test("a cluster that is gone already is known by its uid", async () => {
  const client = memoryClient();
  const metadata = { namespace: "default", name: "chat-keys", ownerReferences: [owner("1")] };
  await client.create({ ...SECRET, metadata, data: { "control-token": "b3Vycw==" } }, { fieldManager: "us" });
  const tokens = createControlTokens(client, { seen: () => undefined, uidOf: () => undefined });
  expect(await tokens.of("default/chat", "1")).toBe("ours");
});
