import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { eventually } from "#testing";
import { z } from "zod";
import { openClient } from "../examples/testing/client.ts";
import { startLaptop, type Laptop } from "./testing/laptop.ts";

jest.setTimeout(240_000);
const PATIENCE = { timeoutMs: 60_000, everyMs: 20 };
const HANDLERS = join(import.meta.dirname, "testing/handlers.ts");

let stack: AsyncDisposableStack;
let directory: string;
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  const made = await mkdtemp(join(tmpdir(), "realtime-runs-"));
  stack.defer(() => rm(made, { recursive: true, force: true }));
  directory = made;
});
afterEach(() => stack.disposeAsync());

const runs = async () =>
  (await readFile(join(directory, "runs"), "utf8").catch(() => ""))
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => z.object({ id: z.string(), attempt: z.number(), pid: z.number() }).parse(JSON.parse(line)));

const taken = z.object({ ok: z.literal(true), id: z.string() });
const inHand = (laptop: Laptop, instance: string) =>
  laptop.signals.latest("test")?.snapshot.workers.find(({ node }) => node.startsWith(`${instance}-`))?.inHand ?? [];

test("a long job lives through three scale-downs and a roll of its pool, and is no backlog while its worker goes", async () => {
  const spec = (revision: string) => ({
    gateway: { replicas: 1 },
    workers: [
      {
        name: "t",
        events: ["t:*"],
        handlers: HANDLERS,
        env: [
          { name: "RUNS", value: directory },
          { name: "REVISION", value: revision },
        ],
        concurrency: 2,
        timeoutSeconds: 600,
        autoscaling: { minReplicas: 0, maxReplicas: 3, targetBacklog: 2, scaleDownSeconds: 1 },
      },
    ],
  });
  const laptop = stack.use(await startLaptop({ spec: spec("1") }));
  const client = stack.use(await openClient(laptop.url));
  const begin = async (until: string) => taken.parse(await client.ask("t:held", { until })).id;
  const end = (until: string) => writeFile(join(directory, until), "");
  const ready = () => laptop.ready("t").map(({ instance }) => instance);

  expect(ready()).toEqual([]);
  const call = async (until: string) => {
    const before = (await runs()).length;
    const ids = await Promise.all(Array.from({ length: 5 }, () => begin(until)));
    await eventually(() => expect(ready()).toHaveLength(3), PATIENCE);
    await eventually(async () => expect((await runs()).length).toBe(before + ids.length), PATIENCE);
    return ids;
  };
  const first = await call("one");
  // The hands of all others are full: whoever came last runs it, and is not who would stay without it.
  const long = await begin("the end");
  const pid = await eventually(async () => {
    const run = (await runs()).find(({ id }) => id === long);
    if (run === undefined) throw new Error("it has not begun");
    return run.pid;
  }, PATIENCE);
  const its = laptop.ready("t").find((it) => it.pid === pid);
  if (its === undefined) throw new Error("nobody runs it");

  for (const round of ["one", "two", "three"]) {
    const others = round === "one" ? first : await call(round);
    await end(round);
    for (const id of others) await client.hear("job:done", { id });
    await eventually(() => expect(laptop.workers("t")).toMatchObject([{ pid, state: "ready" }]), PATIENCE);
  }

  laptop.edit(spec("2"));
  await eventually(() => expect(laptop.workers("t").some((it) => it.pid !== pid)).toBe(true), PATIENCE);
  await eventually(() => {
    expect(laptop.workers("t")).toMatchObject([{ pid, state: "stopping" }]);
    expect(laptop.status()?.workers).toEqual({ ready: 0, wanted: 0 });
    expect(inHand(laptop, its.instance)).toMatchObject([{ id: long, attempt: 1 }]);
  }, PATIENCE);

  const last = await begin("at once");
  await end("at once");
  await client.hear("job:done", { id: last });
  expect((await runs()).at(-1)?.pid).not.toBe(pid);

  await end("the end");
  expect(await client.hear("job:done", { id: long })).toEqual({ id: long, result: { pid, attempt: 1 } });
  await eventually(() => expect(laptop.workers("t")).toEqual([]), PATIENCE);
  expect((await runs()).filter(({ id }) => id === long)).toHaveLength(1);
  expect(laptop.events.filter(({ what }) => what === "exited" || what === "failing")).toEqual([]);
});
