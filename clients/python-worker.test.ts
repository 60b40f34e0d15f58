import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { eventually } from "#testing";
import { openClient } from "../examples/testing/client.ts";
import { PATIENCE, runExample, type RunningExample } from "../examples/testing/run-example.ts";
import { cacheOf, pythonAt } from "./kinds.ts";

jest.setTimeout(120_000);

const isThere = (process.env["CLIENTS"] ?? "python").split(" ").includes("python");
const WORKER = join(import.meta.dirname, "../examples/socketio-worker/worker.py");

for (const suite of isThere ? [describe] : [])
  suite("a worker in Python that is a socket.io client", () => {
    const stack = new AsyncDisposableStack();
    let example: RunningExample;
    beforeAll(async () => {
      example = stack.use(await runExample("socketio-worker"));
      await example.settled((pids) => Object.keys(pids).some((it) => it.includes("-gateway-")));
    });
    afterAll(() => stack.disposeAsync());

    const worker = async (key = "workers", says = "ready") => {
      const env = { ...process.env, API_URL: example.apiUrl, KEY: await example.apiKey(key) };
      const child = spawn(pythonAt(cacheOf("python")), [WORKER], { env, stdio: ["ignore", "pipe", "pipe"] });
      const exited = once(child, "exit");
      const lines: string[] = [];
      for (const stream of [child.stdout, child.stderr])
        createInterface({ input: stream }).on("line", (line) => void lines.push(line));
      const kill = async () => {
        child.kill("SIGKILL");
        await exited;
      };
      stack.defer(kill);
      await eventually(() => expect(lines.join("\n")).toContain(says), PATIENCE);
      return { pid: child.pid, kill };
    };

    test("says why it is not let in", async () => {
      await (await worker("default", "auth.key is no worker's")).kill();
    });

    test("shares the work; killed with -9, another does what it had, as the next attempt", async () => {
      using client = await openClient(example.url);
      const [one, other] = [await worker(), await worker()];
      for (const id of ["a", "b"])
        expect(await client.ask("sum:slowly", { steps: 20 }, { id })).toMatchObject({ ok: true });
      for (const id of ["a", "b"]) await client.hear("job:progress", { id });
      await one.kill();
      const done = await Promise.all(["a", "b"].map((id) => client.hear("job:done", { id })));
      expect(done).toContainEqual(expect.objectContaining({ result: { by: other.pid, attempt: 1 } }));
      expect(done).toContainEqual(expect.objectContaining({ result: { by: other.pid, attempt: 2 } }));
      await client.ask("sum:numbers", { numbers: ["one"] }, { id: "c" });
      expect(await client.hear("job:retry", { id: "c" })).toMatchObject({ attempt: 1 });
    });
  });
