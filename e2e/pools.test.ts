import { describe, expect } from "@jest/globals";
import { openClient } from "./support/client.ts";
import { openEntry } from "./support/entry.ts";
import { CHAT_IMAGE } from "./support/settings.ts";
import { chatPool, light } from "./support/resource.ts";
import { readyPods, shared, type Stage } from "./support/stage.ts";
import { waitFor } from "./support/wait-for.ts";

const withClient = async (
  stage: Stage,
  use: (client: Awaited<ReturnType<typeof openClient>>) => Promise<void>,
): Promise<void> => {
  await using entry = await openEntry(stage.namespace, "chat-gateway");
  using client = await waitFor(() => openClient(entry.url), { timeoutMs: 60_000 });
  await use(client);
};

const audit = () => chatPool({ name: "audit", mode: "copy", replicas: 1 });

describe("pools of a cluster that runs", () => {
  const it = shared("pools", async (stage) => {
    await stage.apply(light("chat"));
    await stage.ready("chat");
  });

  it("a new one gets workers and the others keep theirs", async (stage) => {
    const before = await readyPods(stage, "chat", "worker", 1);
    const gateways = await stage.podUids("chat", "gateway");
    await stage.apply(light("chat", { workers: [chatPool(), audit()] }));
    await stage.ready("chat");
    const { pools } = await stage.status("chat");
    expect(pools).toMatchObject([
      { name: "chat", replicas: 1, ready: 1 },
      { name: "audit", replicas: 1, ready: 1 },
    ]);
    expect(await stage.get("deployment", pools[1]?.deployment ?? "")).toBeDefined();
    expect((await stage.pods("chat", "worker", "chat")).map((it) => it.metadata.uid)).toEqual(
      before.map((it) => it.metadata.uid),
    );
    expect(await stage.podUids("chat", "gateway")).toEqual(gateways);
    await withClient(stage, async (client) => void (await client.job()));
  });

  it("a removed one loses its workers, and the others keep theirs", async (stage) => {
    const before = await stage.pods("chat", "worker", "chat");
    await stage.apply(light("chat"));
    await waitFor(
      async () => {
        const left = (await stage.list("deployment", "realtimecluster.dev/pool=audit")).length;
        if (left > 0) throw new Error("the removed pool's Deployment is still there");
      },
      { timeoutMs: 90_000 },
    );
    await stage.ready("chat");
    expect((await stage.status("chat")).pools.map(({ name }) => name)).toEqual(["chat"]);
    expect((await stage.pods("chat", "worker")).map((it) => it.metadata.uid)).toEqual(
      before.map((it) => it.metadata.uid),
    );
  });

  it("an image that does not exist is named in the condition within 15 s, old workers go on, and the right one heals it", async (stage) => {
    const wrong = "realtimecluster/chat:no-such-tag";
    const before = (await readyPods(stage, "chat", "worker", 1)).map((it) => it.metadata.uid);
    await stage.apply(light("chat", { workers: [chatPool({ image: wrong })] }));
    const start = Date.now();
    const { message } = await stage.condition("chat", "Ready", "False", {
      message: /no-such-tag/,
      timeoutMs: 30_000,
    });
    expect(Date.now() - start).toBeLessThan(15_000);
    expect(message).toMatch(/pull/i);
    await stage.condition("chat", "Ready", "False", { reason: "ImageCannotBePulled" });
    expect((await stage.pods("chat", "worker")).map((it) => it.metadata.uid)).toEqual(expect.arrayContaining(before));
    await withClient(stage, async (client) => void (await client.job()));
    await stage.apply(light("chat", { workers: [chatPool({ image: CHAT_IMAGE })] }));
    await stage.ready("chat");
    await readyPods(stage, "chat", "worker", 1);
    await withClient(stage, async (client) => void (await client.job()));
  });

  it("a handler that throws while it is loaded is quoted in the condition, and the right one heals it", async (stage) => {
    await stage.apply(light("chat", { workers: [chatPool({ handlers: "./handlers/none.ts" })] }));
    await stage.condition("chat", "Ready", "False", { message: /none\.ts/, timeoutMs: 60_000 });
    await stage.apply(light("chat"));
    await stage.ready("chat");
  });

  it("a Secret that is missing is named in the condition, and heals it once it is there", async (stage) => {
    const env = [{ name: "DATABASE_URL", valueFrom: { secretKeyRef: { name: "orders", key: "url" } } }];
    await stage.apply(light("chat", { workers: [chatPool({ env })] }));
    await stage.condition("chat", "Ready", "False", { message: /orders/, timeoutMs: 30_000 });
    await stage.kubectl("create", "secret", "generic", "orders", "--from-literal=other=x");
    await stage.condition("chat", "Ready", "False", { message: /url/, timeoutMs: 60_000 });
    await stage.kubectl("delete", "secret", "orders");
    await stage.kubectl("create", "secret", "generic", "orders", "--from-literal=url=postgres://x");
    await stage.ready("chat");
    await stage.apply(light("chat"));
    await stage.ready("chat");
  });

  it("is left alone while it is suspended, and follows when it is not", async (stage) => {
    await stage.patch("chat", { suspend: true });
    await stage.condition("chat", "Paused", "True");
    const before = await stage.podUids("chat");
    await stage.patch("chat", { gateway: { replicas: 2 } });
    await stage.condition("chat", "Paused", "True");
    expect(await stage.podUids("chat")).toEqual(before);
    await stage.patch("chat", { suspend: false });
    await stage.condition("chat", "Paused", "False");
    await stage.ready("chat");
    expect(await stage.podUids("chat", "gateway")).toHaveLength(2);
  });
});
