import { expect, test } from "@jest/globals";
import { LABEL } from "./plan/labels.ts";
import { memoryClient } from "./runtime/memory-client.ts";
import { ensureSecret, SECRET } from "./secrets.ts";

const ref = { ...SECRET, namespace: "default", name: "chat-keys" };
const wish = { name: ref.name, labels: {}, fixed: { host: "chat" }, generated: { password: 24 } };
const owner = { apiVersion: "a/v1", kind: "RealtimeCluster", name: "chat", uid: "1", controller: true };

test("a Secret is made once, and a key that it lacks is filled in once, also where the cache is behind", async () => {
  const client = memoryClient();
  const to = { client, namespace: "default", owner, fieldManager: "us" };
  expect(await ensureSecret(wish, undefined, to)).toBe("created");
  const made = await client.get(ref);
  expect(await ensureSecret(wish, undefined, to)).toBe("unchanged");
  await client.merge(ref, { data: { password: null } }, { fieldManager: "somebody" });
  const seen = await client.get(ref);
  expect(await ensureSecret(wish, seen, to)).toBe("filled");
  const filled = await client.get(ref);
  expect(filled?.["data"]).not.toEqual(made?.["data"]);
  expect(await ensureSecret(wish, seen, to)).toBe("unchanged");
  expect((await client.get(ref))?.["data"]).toEqual(filled?.["data"]);
});

test("a Secret that lost the label by which it is found gets it back, and neither values nor others' labels are fought over", async () => {
  const client = memoryClient();
  const to = { client, namespace: "default", owner, fieldManager: "us" };
  await ensureSecret(wish, undefined, to);
  const labelled = { ...wish, labels: { [LABEL.cluster]: "chat", team: "ours" } };
  expect(await ensureSecret(labelled, undefined, to)).toBe("filled");
  const { body } = client.requests.at(-1) ?? {};
  expect(body).toMatchObject({ metadata: { labels: labelled.labels } });
  expect(body).not.toHaveProperty("data");
  const metadata = { name: ref.name, ownerReferences: [owner], labels: { [LABEL.cluster]: "chat", team: "theirs" } };
  const data = { host: "", password: "" };
  expect(await ensureSecret(labelled, { ...SECRET, metadata, data }, to)).toBe("unchanged");
});
