import { randomBytes } from "node:crypto";
import { afterAll, describe, expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import type { Job, Pool } from "#crds";
import { silentLog } from "#process";
import { eventually, freePort, spawnNode, type NodeProcess } from "#testing";
import { describeBroker, type MortalServer } from "../suite.ts";
import { openZeromqBroker } from "./index.ts";

const HUB = new URL("../../hub/main.ts", import.meta.url).pathname;

/** A hub in a process of its own, at an address that stays. */
const startHubProcess = async (env: Record<string, string> = {}): Promise<MortalServer> => {
  const port = await freePort();
  let process: NodeProcess | undefined;
  const start = async () => {
    const started = spawnNode(HUB, {
      CLUSTER: "test",
      INSTANCE: "hub",
      PROBE_PORT: "0",
      PROBE_HOST: "127.0.0.1",
      HUB_HOST: "127.0.0.1",
      HUB_PORT: String(port),
      LOG_LEVEL: "warn",
      ...env,
    });
    process = started;
    await eventually(() => expect(started.messages).toContainEqual(expect.objectContaining({ type: "ready" })), {
      timeoutMs: 30_000,
    });
  };
  await start();
  return {
    uri: `tcp://127.0.0.1:${port}`,
    start,
    stop: async () => process?.kill("SIGTERM"),
    kill: async () => process?.kill("SIGKILL"),
    [Symbol.asyncDispose]: async () => process?.kill("SIGKILL"),
  };
};

const shared = startHubProcess();
afterAll(async () => (await shared)[Symbol.asyncDispose]());

describeBroker("zeromq", {
  driver: "zeromq",
  promises: { durable: false, ordered: true, orderedHands: true },
  server: () => shared,
  mortalServer: () => startHubProcess(),
});

const POOL: Pool = {
  name: "pool",
  events: ["*"],
  mode: "job",
  orderBy: "none",
  concurrency: 20,
  timeoutSeconds: 30,
  retry: { attempts: 3, backoffSeconds: 0.1, maxBackoffSeconds: 1 },
};
const aJob = (id: string, over: Partial<Job> = {}): Job => ({
  v: 1,
  id,
  event: "e",
  payload: 1,
  mode: "job",
  at: 0,
  ...over,
});
const open = (uri: string) =>
  openZeromqBroker({
    cluster: "test",
    node: `node-${randomBytes(4).toString("hex")}`,
    settings: () => Promise.resolve({ uri }),
    log: silentLog(),
    registry: new Registry(),
  });
const LONG = { timeoutMs: 30_000 };

describe("a hub that is killed", () => {
  test("a run that is under way goes on and is not run twice; dead letters and retries are not lost", async () => {
    await using hub = await startHubProcess();
    await using gateway = await open(hub.uri);
    await using worker = await open(hub.uri);
    const finish = Promise.withResolvers<void>();
    const runs: string[] = [];
    await worker.consume(POOL, async ({ job, attempt }) => {
      runs.push(`${job.id}/${attempt}`);
      if (job.id === "long") await finish.promise;
      if (job.id === "bad") return { kind: "dead", reason: "rejected", error: "no" };
      if (job.id === "late" && attempt === 1) return { kind: "retry", inMs: 3000, error: "not yet" };
      return { kind: "done" };
    });
    for (const id of ["long", "bad", "late"]) await gateway.publish(POOL, aJob(id));
    await eventually(async () =>
      expect(await gateway.depth(POOL)).toEqual({ ready: 1, blocked: 1, unacked: 1, dead: 1 }),
    );
    await hub.kill();
    await eventually(() => expect(gateway.connected() || worker.connected()).toBe(false));
    await hub.start();
    await eventually(async () => expect(await gateway.depth(POOL)).toMatchObject({ dead: 1 }), LONG);
    finish.resolve();
    await eventually(() => expect(runs).toContain("late/2"), LONG);
    await eventually(async () => expect(await gateway.depth(POOL)).toEqual({ ready: 0, unacked: 0, dead: 1 }), LONG);
    expect(runs).toEqual(["long/1", "bad/1", "late/1", "late/2"]);
    expect(await worker.deadLetters(POOL, 10)).toMatchObject([{ reason: "rejected", job: { id: "bad" }, attempts: 1 }]);
    expect(await worker.redrive(POOL)).toBe(1);
    await eventually(() => expect(runs.at(-1)).toBe("bad/1"));
  });

  test("jobs of one key stay in order, and none that was acked is lost", async () => {
    await using hub = await startHubProcess();
    await using gateway = await open(hub.uri);
    await using worker = await open(hub.uri);
    const pool: Pool = { ...POOL, name: "ordered", orderBy: "user" };
    const ran = new Map<string, number[]>();
    let underWay = 0;
    let most = 0;
    await worker.consume(pool, async ({ job }) => {
      const key = job.key ?? "";
      if (key === "ann") most = Math.max(most, (underWay += 1));
      await new Promise((resolve) => setTimeout(resolve, 2));
      if (key === "ann") underWay -= 1;
      ran.set(key, [...(ran.get(key) ?? []), Number(job.payload)]);
      return { kind: "done" };
    });
    const acked = new Map<string, number[]>();
    const publish = async (key: string) => {
      for (let index = 0; index < 200; index++)
        await eventually(() => gateway.publish(pool, aJob(`${key}${index}`, { key, payload: index })), LONG);
      acked.set(
        key,
        Array.from({ length: 200 }, (_, index) => index),
      );
    };
    const publishing = ["ann", "bob", "cem"].map(publish);
    await eventually(() => expect(ran.get("ann")?.length ?? 0).toBeGreaterThan(20));
    await hub.kill();
    await hub.start();
    await Promise.all(publishing);
    await eventually(async () => expect(await gateway.depth(pool)).toEqual({ ready: 0, unacked: 0, dead: 0 }), LONG);
    for (const [key, numbers] of acked) {
      const firsts = [...new Set(ran.get(key))];
      expect(firsts).toEqual(numbers);
    }
    expect(most).toBe(1);
  });
});

describe("jobs in memory", () => {
  test("a gateway that goes hands over: the hub alone keeps its jobs", async () => {
    await using hub = await startHubProcess();
    {
      await using gateway = await open(hub.uri);
      await Promise.all(["a", "b"].map((id) => gateway.publish(POOL, aJob(id))));
    }
    await using worker = await open(hub.uri);
    const ran: string[] = [];
    await worker.consume(POOL, async ({ job }) => {
      ran.push(job.id);
      return { kind: "done" };
    });
    await eventually(() => expect(ran).toEqual(["a", "b"]));
  });

  test("a full hub refuses, and takes again once there is room", async () => {
    await using hub = await startHubProcess({ HUB_MAX_JOBS: "2" });
    await using gateway = await open(hub.uri);
    for (const id of ["a", "b"]) await gateway.publish(POOL, aJob(id));
    await expect(gateway.publish(POOL, aJob("c"))).rejects.toMatchObject({ code: "queue_full" });
    await gateway.consume(POOL, () => Promise.resolve({ kind: "done" }));
    await eventually(() => gateway.publish(POOL, aJob("c")));
  });
});
