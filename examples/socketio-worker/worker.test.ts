import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { eventually, spawnNode } from "#testing";
import { openClient } from "../testing/client.ts";
import { PATIENCE, runExample, type RunningExample } from "../testing/run-example.ts";

jest.setTimeout(240_000);

const WORKER = join(import.meta.dirname, "worker.js");

test.each(["worker.js", "worker.py"])("the page on workers as clients shows %s as it is", async (file) => {
  const text = await readFile(join(import.meta.dirname, file), "utf8");
  const page = await readFile(join(import.meta.dirname, "../../docs/workers-as-clients.md"), "utf8");
  expect(page).toContain(`\`\`\`${file.endsWith("js") ? "js" : "python"}\n${text}\`\`\``);
  expect(text.split("\n").length - 1).toBeLessThanOrEqual(30);
});

describe("a pool of workers that are socket.io clients, on a laptop", () => {
  const stack = new AsyncDisposableStack();
  let example: RunningExample;
  let KEY = "";

  beforeAll(async () => {
    example = stack.use(await runExample("socketio-worker"));
    await example.settled((pids) => Object.keys(pids).filter((it) => it.includes("-gateway-")).length === 2);
    KEY = await example.apiKey("workers");
  });
  afterAll(() => stack.disposeAsync());

  const worker = async () => {
    const it = stack.use(spawnNode(WORKER, { API_URL: example.apiUrl, KEY }));
    await eventually(() => expect(it.lines).toContain("ready"), PATIENCE);
    return it;
  };

  test("two of them share the work; one killed with -9: the other does what it had; its gateway killed: it comes back", async () => {
    using client = await openClient(example.url);
    const [one, other] = [await worker(), await worker()];
    expect((await example.command("status", "realtimecluster.yaml")).join("\n")).toMatch(
      /sums +0 \+ 2 remote +0 +0 +0/,
    );
    const ids = ["a", "b"];
    for (const id of ids)
      expect(await client.ask("sum:slowly", { steps: 20 }, { id })).toMatchObject({ ok: true, durable: false });
    for (const id of ids) await client.hear("job:progress", { id });
    await one.kill("SIGKILL");
    const done = await Promise.all(ids.map((id) => client.hear("job:done", { id })));
    expect(done.map((it) => (it as { result: { by: number } }).result.by)).toEqual([other.pid, other.pid]);
    expect(done).toContainEqual(expect.objectContaining({ result: { by: other.pid, attempt: 2 } }));

    for (const gateway of ["sums-gateway-0", "sums-gateway-1"]) await example.killAndAwait(gateway);
    using again = await openClient(example.url);
    await again.ask("sum:numbers", { numbers: [1, 2, 3] }, { id: "c" });
    expect(await again.hear("job:done", { id: "c" })).toMatchObject({ result: { sum: 6 } });
  });

  test("a worker with a key that is none of a worker's ends, and says why", async () => {
    await using it = spawnNode(WORKER, { API_URL: example.apiUrl, KEY: await example.apiKey() });
    expect(await it.exited).toBe(1);
    await eventually(() => expect(it.lines.join("\n")).toContain("auth.key is no worker's"));
  });
});
