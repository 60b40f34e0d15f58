import { describe, expect } from "@jest/globals";
import { z } from "zod";
import { openClient, type ClientOptions } from "./support/client.ts";
import { openEntry } from "./support/entry.ts";
import { measured } from "./support/figures.ts";
import { chatPool, light, type Pool } from "./support/resource.ts";
import { readyPods, shared, type Stage } from "./support/stage.ts";
import { waitFor } from "./support/wait-for.ts";

const JOBS = 200;

const withClient = async (
  stage: Stage,
  options: ClientOptions,
  use: (client: Awaited<ReturnType<typeof openClient>>) => Promise<void>,
): Promise<void> => {
  await using entry = await openEntry(stage.namespace, "chat-gateway");
  using client = await waitFor(() => openClient(entry.url, options), { timeoutMs: 60_000 });
  await use(client);
};

const cluster = (...workers: Pool[]) =>
  light("chat", { gateway: { replicas: 1, limits: { eventsPerSecond: 1000 } }, workers });

const burstPool = chatPool({
  name: "load",
  events: ["load:*"],
  handlers: "./handlers/load.ts",
  replicas: undefined,
  concurrency: 5,
  autoscaling: { minReplicas: 0, maxReplicas: 3, targetBacklog: 50, scaleDownSeconds: 5 },
});
const pool = (autoscaling: Pool["autoscaling"]) => chatPool({ replicas: undefined, concurrency: 1, autoscaling });

/** How many a Deployment asks for. */
const asked = async (stage: Stage, name: string): Promise<number> =>
  z.object({ replicas: z.number() }).parse((await stage.get("deployment", name))["spec"]).replicas;
const deploymentOf = async (stage: Stage, name: string): Promise<string> =>
  (await stage.status("chat")).pools.find((it) => it.name === name)?.deployment ?? "";
const untilAsked = (stage: Stage, deployment: string, isIt: (count: number) => boolean, timeoutMs = 60_000) =>
  waitFor(
    async () => {
      const count = await asked(stage, deployment);
      if (!isIt(count)) throw new Error(`${deployment} asks for ${count}`);
    },
    { timeoutMs, everyMs: 50 },
  );

const running = z.object({ running: z.array(z.object({ id: z.string(), worker: z.string(), attempt: z.number() })) });

describe("counts that follow their load", () => {
  const it = shared("scaling", async (stage) => {
    await stage.apply(cluster(burstPool));
    await stage.ready("chat");
  });

  it("a burst where there is no worker: they come at once, do it, and go; each change says why", (stage) =>
    withClient(stage, {}, async (client) => {
      const deployment = await deploymentOf(stage, "load");
      expect(await asked(stage, deployment)).toBe(0);
      const start = performance.now();
      const seconds = () => (performance.now() - start) / 1000;
      const acks = Promise.all(Array.from({ length: JOBS }, () => client.ask("load:work", { ms: 100 })));
      await untilAsked(stage, deployment, (count) => count > 0);
      await measured(`${JOBS} jobs at no workers → first patch, as kubectl sees it`, seconds(), "s", 1);
      await client.hear("job:done");
      await measured(`${JOBS} jobs at no workers → first job done`, seconds(), "s");
      for (const ack of await acks) expect(ack).toMatchObject({ ok: true });
      await waitFor(() => expect(client.of("job:done")).toHaveLength(JOBS), { timeoutMs: 120_000 });
      await measured(`${JOBS} jobs at no workers → all done`, seconds(), "s");
      await untilAsked(stage, deployment, (count) => count === 0);
      const told = await stage.kubectl("get", "events", "-o", "jsonpath={.items[*].message}");
      expect(told).toMatch(/load 0 → \d: backlog \d+, target 50/);
      expect(told).toMatch(/load \d → 0/);
    }));

  it("a job in hand outlives the scale-downs around it: those with nothing go", async (stage) => {
    await stage.apply(cluster(pool({ minReplicas: 1, maxReplicas: 3, targetBacklog: 1, scaleDownSeconds: 3 })));
    await stage.ready("chat");
    await withClient(stage, { channels: ["lobby", "jobs:chat"] }, async (client) => {
      const slow = (seconds: number) => client.ask("chat:slow", { channel: "lobby", seconds });
      const { id } = z.object({ id: z.string() }).parse(await slow(60));
      for (const ack of [await slow(5), await slow(5)]) expect(ack).toMatchObject({ ok: true });
      await readyPods(stage, "chat", "worker", 3);
      const runs = () =>
        client.of("jobs").flatMap((it) => running.safeParse(it).data?.running.filter((job) => job.id === id) ?? []);
      const [run] = await waitFor(() => {
        if (runs().length === 0) throw new Error("nobody is seen to run the long job");
        return runs();
      });
      const [last] = await readyPods(stage, "chat", "worker", 1);
      expect(run?.worker.startsWith(last?.metadata.name ?? "none")).toBe(true);
      await client.hear("job:done", { id }, 90_000);
      expect([...new Set(runs().map(({ attempt }) => attempt))]).toEqual([1]);
    });
  });

  it("a count that is left to somebody else stays as it is, also when it is left and when it is taken back", async (stage) => {
    const counts = async (autoscaling: Pool["autoscaling"]) => {
      await stage.apply(cluster(pool(autoscaling)));
      await stage.ready("chat");
      return asked(stage, await deploymentOf(stage, "chat"));
    };
    const ours = { minReplicas: 1, maxReplicas: 3, targetBacklog: 1, scaleDownSeconds: 600 };
    const before = await counts(ours);
    expect(await counts({ external: true })).toBe(before);
    await stage.kubectl("scale", "deployment", await deploymentOf(stage, "chat"), "--replicas=2");
    await readyPods(stage, "chat", "worker", 2);
    expect(await counts({ external: true, minReplicas: 1 })).toBe(2);
    expect(await counts(ours)).toBe(2);
  });
});
