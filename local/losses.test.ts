import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { expect, jest, test } from "@jest/globals";
import { eventually, sharedServer } from "#testing";
import { z } from "zod";
import { openClient, type Client } from "../examples/testing/client.ts";
import { startLaptop, type LaptopOptions } from "./testing/laptop.ts";

/** How many times workers are killed or sent away; with `SCALE_ROUNDS` set, the figures are printed. */
const ROUNDS = Number(process.env["SCALE_ROUNDS"] ?? 2);
const SEED = Number(process.env["SCALE_SEED"] ?? 1);
const PATIENCE = { timeoutMs: 60_000, everyMs: 20 };
const MOST = 3;
const SENDERS = 6;

jest.setTimeout(60_000 + ROUNDS * 30_000);

/** mulberry32: the same numbers in [0, 1) for the same seed. */
const seeded = (seed: number) => {
  let state = seed;
  return (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let it = Math.imul(state ^ (state >>> 15), 1 | state);
    it = (it + Math.imul(it ^ (it >>> 7), 61 | it)) ^ it;
    return ((it ^ (it >>> 14)) >>> 0) / 2 ** 32;
  };
};

const taken = z.object({ ok: z.literal(true), id: z.string() });
const run = z.object({ id: z.string(), pid: z.number() });

/** Sends jobs, each of `SENDERS` the next one when its last is taken and a moment has passed, until it is stopped; resolves with their ids. */
const load = (client: Client, random: () => number) => {
  const over = new AbortController();
  const ids: string[] = [];
  const send = async () => {
    while (!over.signal.aborted) {
      ids.push(taken.parse(await client.ask("t:brief", { ms: Math.floor(random() * 100) })).id);
      await wait(50 * random());
    }
  };
  const senders = Promise.all(Array.from({ length: SENDERS }, send));
  return async () => {
    over.abort();
    await senders;
    return ids;
  };
};

const brokers: [string, () => Promise<Pick<LaptopOptions, "secrets"> & { servers?: object }>][] = [
  ["the hub", async () => ({})],
  [
    "RabbitMQ",
    async () => ({
      servers: { rabbitmq: { secretRef: { name: "rabbitmq" } } },
      secrets: { rabbitmq: { uri: (await sharedServer("rabbitmq")).uri } },
    }),
  ],
];

test.each(brokers)(
  "on %s, workers that are killed and sent away under load lose no job, and only the killed make one run twice",
  async (broker, open) => {
    await using stack = new AsyncDisposableStack();
    const directory = await mkdtemp(join(tmpdir(), "realtime-runs-"));
    stack.defer(() => rm(directory, { recursive: true, force: true }));
    const { servers = {}, secrets = {} } = await open();
    const random = seeded(SEED);
    const pool = `t${randomBytes(4).toString("hex")}`;
    const spec = (count: number) => ({
      servers,
      gateway: { replicas: 1, limits: { eventsPerSecond: 10_000 } },
      workers: [
        {
          name: pool,
          events: ["t:*"],
          handlers: join(import.meta.dirname, "testing/handlers.ts"),
          env: [{ name: "RUNS", value: directory }],
          concurrency: 5,
          retry: { attempts: 20, backoffSeconds: 0.1 },
          autoscaling: { minReplicas: count, maxReplicas: count, scaleDownSeconds: 1 },
        },
      ],
    });
    const laptop = stack.use(await startLaptop({ spec: spec(MOST), secrets }));
    const client = stack.use(await openClient(laptop.url));
    const pids = () => laptop.ready(pool).map(({ pid = -1 }) => pid);
    const all = () => eventually(() => expect(pids()).toHaveLength(MOST), PATIENCE);
    await all();

    const stop = load(client, seeded(SEED + 1));
    stack.defer(() =>
      stop().then(
        () => {},
        () => {},
      ),
    );
    const killed: number[] = [];
    let sentAway = 0;
    let isKill = false;
    for (let round = 0; round < ROUNDS; round++) {
      await wait(200 * random());
      isKill = round % 2 === 1 ? !isKill : random() < 0.5;
      if (isKill) {
        const victim = pids()[Math.floor(random() * MOST)] ?? -1;
        killed.push(victim);
        process.kill(victim, "SIGKILL");
        await eventually(() => expect(pids()).not.toContain(victim), PATIENCE);
      } else {
        const fewer = 1 + Math.floor(random() * (MOST - 1));
        sentAway += MOST - fewer;
        laptop.edit(spec(fewer));
        await eventually(() => expect(laptop.ready(pool)).toHaveLength(fewer), PATIENCE);
        laptop.edit(spec(MOST));
      }
      await all();
    }
    const ids = await stop();

    const linesOf = async (file: string) =>
      (await readFile(join(directory, file), "utf8"))
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => run.parse(JSON.parse(line)));
    // A worker may be killed when the broker knows already that a job is done, and its sender does not.
    const ended = async () => (await linesOf("ends")).filter(({ pid }) => killed.includes(pid)).map(({ id }) => id);
    await eventually(async () => {
      const heard = client.of("job:done").map((it) => run.pick({ id: true }).parse(it).id);
      const done = new Set([...heard, ...(await ended())]);
      expect(ids.filter((id) => !done.has(id))).toEqual([]);
    }, PATIENCE);
    expect(client.of("job:failed")).toEqual([]);
    expect(client.losses()).toBe(0);
    const runs = Map.groupBy(await linesOf("runs"), ({ id }) => id);
    const again = [...runs.values()].filter((it) => it.length > 1);
    const unexplained = again.filter((it) => it.slice(0, -1).some(({ pid }) => !killed.includes(pid)));
    expect(unexplained).toEqual([]);
    expect(runs.size).toBe(ids.length);
    if (process.env["SCALE_ROUNDS"] === undefined) return;
    process.stderr.write(
      `${broker}: ${ids.length} jobs, ${killed.length} workers killed, ${sentAway} sent away, seed ${SEED}: 0 lost, ${again.length} run twice\n`,
    );
  },
);
