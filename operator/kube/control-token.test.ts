import { expect, test } from "@jest/globals";
import { createControlTokens } from "./control-token.ts";
import { memoryClient } from "./runtime/memory-client.ts";
import { SECRET } from "./secrets.ts";

test("a token is read once while its Secret stays what it is, and each time while that is not known", async () => {
  const client = memoryClient();
  const data = (token: string) => ({ "control-token": Buffer.from(token).toString("base64") });
  const ref = { ...SECRET, namespace: "default", name: "chat-keys" };
  await client.create(
    { ...SECRET, metadata: { namespace: "default", name: ref.name }, data: data("a") },
    { fieldManager: "us" },
  );
  let seen: string | undefined = "1";
  const tokens = createControlTokens(client, () => seen);
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
