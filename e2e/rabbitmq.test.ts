import { describe, expect } from "@jest/globals";
import { openClient } from "./support/client.ts";
import { openEntry } from "./support/entry.ts";
import { measured } from "./support/figures.ts";
import { kubectl } from "./support/kubectl.ts";
import { chatPool, full } from "./support/resource.ts";
import { readyPods, scenario, shared, type Stage } from "./support/stage.ts";
import { stream } from "./support/stream.ts";
import { waitFor } from "./support/wait-for.ts";

/** Streams jobs while `disturb` runs, and a while after; resolves with how many were acked, all of which were done. */
const under = async (stage: Stage, disturb: () => Promise<void>): Promise<number> => {
  await using entry = await openEntry(stage.namespace, "chat-gateway");
  using sender = await waitFor(() => openClient(entry.url));
  using listener = await openClient(entry.url);
  await using jobs = stream(sender, [listener]);
  await jobs.more(30);
  await disturb();
  await jobs.more(30, 180_000);
  return await jobs.settled(180_000);
};

const replaced = async (stage: Stage, pod: string, uid: string) =>
  waitFor(
    async () => {
      const { metadata } = await stage.get("pod", pod);
      if (metadata.uid === uid) throw new Error(`${pod} was not replaced`);
    },
    { timeoutMs: 120_000 },
  );

const kill = async (stage: Stage, pod: string): Promise<void> => {
  const { uid } = (await stage.get("pod", pod)).metadata;
  await stage.kubectl("delete", "pod", pod, "--grace-period=0", "--force", "--wait=false");
  await replaced(stage, pod, uid);
};

const control = (stage: Stage, ...command: string[]) =>
  stage.kubectl("exec", "chat-rabbitmq-0", "-c", "rabbitmq", "--", "rabbitmqctl", "-q", ...command);

const storageOf = (managed: object) => ({
  redis: { managed: { storage: "64Mi", whenDeleted: "Delete" as const } },
  rabbitmq: { managed: { storage: "256Mi", whenDeleted: "Delete" as const, ...managed } },
});

describe("RabbitMQ of one", () => {
  const it = shared("rabbit", async (stage) => {
    await stage.apply(full("chat"));
    await stage.ready("chat");
  });

  it("killed, it comes back with every acked job", async (stage) => {
    const count = await under(stage, () => kill(stage, "chat-rabbitmq-0"));
    await measured("jobs acked while RabbitMQ of 1 was killed, none of them lost", count, "jobs");
    await stage.ready("chat");
  });

  it("its password rotated in the Secret, no pod is rolled and no acked job is lost", async (stage) => {
    const before = await stage.podUids("chat");
    const count = await under(stage, async () => {
      const patch = JSON.stringify({ stringData: { password: "another-password-of-thirty-chars" } });
      await stage.kubectl("patch", "secret", "chat-rabbitmq", "-p", patch);
      await waitFor(() => control(stage, "authenticate_user", "realtime", "another-password-of-thirty-chars"), {
        timeoutMs: 150_000,
        everyMs: 3000,
      });
      // Whoever connects now needs the new one.
      await control(stage, "close_all_connections", "rotated");
    });
    expect(count).toBeGreaterThan(0);
    expect(await stage.podUids("chat")).toEqual(before);
    await stage.ready("chat");
  });

  it("its storage grown where the class allows it: the claim grows, and no acked job is lost", async (stage) => {
    const allow = (yes: boolean) =>
      kubectl(["patch", "storageclass", "standard", "-p", JSON.stringify({ allowVolumeExpansion: yes })]);
    await allow(true);
    try {
      await under(stage, async () => {
        await stage.apply(full("chat", { servers: storageOf({ storage: "512Mi" }) }));
        await waitFor(
          async () => {
            expect((await stage.get("statefulset", "chat-rabbitmq"))["spec"]).toMatchObject({
              volumeClaimTemplates: [{ spec: { resources: { requests: { storage: "512Mi" } } } }],
            });
            expect((await stage.get("pvc", "data-chat-rabbitmq-0"))["spec"]).toMatchObject({
              resources: { requests: { storage: "512Mi" } },
            });
          },
          { timeoutMs: 90_000 },
        );
      });
      await stage.ready("chat");
    } finally {
      await allow(false);
    }
  });

  it("its storage made smaller: everything stays, and the condition says so", async (stage) => {
    await stage.apply(full("chat", { servers: storageOf({ storage: "128Mi" }) }));
    const { message } = await stage.condition("chat", "DataRetained", "True", { reason: "StorageKept" });
    expect(message).toMatch(/storage is 128Mi, but rabbitmq has 512Mi/);
    await stage.apply(full("chat", { servers: storageOf({ storage: "512Mi" }) }));
    await stage.condition("chat", "DataRetained", "False");
  });

  it("left by `broker.type` with jobs in the queue: it stays until it is released, and nothing is lost", async (stage) => {
    const none = [chatPool({ replicas: 0 })];
    const servers = storageOf({ storage: "512Mi" });
    await stage.apply(full("chat", { servers, workers: none }));
    await stage.ready("chat");
    const ids: string[] = [];
    {
      await using entry = await openEntry(stage.namespace, "chat-gateway");
      using client = await waitFor(() => openClient(entry.url));
      for (let i = 0; i < 10; i++) ids.push(await client.say(`no. ${i}`));
    }
    await stage.apply(full("chat", { servers, broker: { type: "zeromq" }, workers: none }));
    await stage.condition("chat", "DataRetained", "True", {
      reason: "ServerKept",
      message: /chat-rabbitmq still runs.*10 jobs wait in it.*release=rabbitmq/,
      timeoutMs: 120_000,
    });
    await readyPods(stage, "chat", "rabbitmq", 1);

    await stage.apply(full("chat", { servers, workers: none }));
    await stage.ready("chat");
    await using entry = await openEntry(stage.namespace, "chat-gateway");
    using client = await waitFor(() => openClient(entry.url));
    await stage.apply(full("chat", { servers, workers: [chatPool()] }));
    for (const id of ids) await client.hear("chat:message", { id }, 120_000);

    await stage.apply(full("chat", { servers, broker: { type: "zeromq" }, workers: [chatPool()] }));
    await stage.condition("chat", "DataRetained", "True", { reason: "ServerKept" });
    await stage.kubectl("annotate", "rtc", "chat", "realtimecluster.dev/release=rabbitmq");
    await waitFor(async () => expect(await stage.find("statefulset", "chat-rabbitmq")).toBeUndefined(), {
      timeoutMs: 90_000,
    });
    await stage.ready("chat");
    await client.job(120_000);
  });
});

scenario(
  "RabbitMQ of three: one pod killed, then each in turn, and no acked job is lost",
  async (stage) => {
    await stage.apply(full("chat", { servers: storageOf({ replicas: 3 }) }));
    await stage.ready("chat", 300_000);
    await readyPods(stage, "chat", "rabbitmq", 3);
    const count = await under(stage, async () => {
      for (const ordinal of [0, 1, 2]) {
        await kill(stage, `chat-rabbitmq-${ordinal}`);
        await readyPods(stage, "chat", "rabbitmq", 3, 180_000);
      }
    });
    await measured("jobs acked while the pods of RabbitMQ of 3 were killed in turn, none of them lost", count, "jobs");
    await stage.ready("chat");
  },
  900_000,
);
