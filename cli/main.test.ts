import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { eventually, spawnNode } from "#testing";
import { z } from "zod";
import { freePorts } from "../examples/testing/run-example.ts";

const MAIN = join(import.meta.dirname, "main.ts");
const HANDLERS = `import { handlers } from "@realtimecluster/worker";
export default handlers({ "a:x": () => 1, "b:x": () => 1 });
`;
const state = z.object({
  instances: z.array(z.object({ instance: z.string(), state: z.string(), pid: z.number().optional() })),
});

let home: string;
let file: string;
let stack: AsyncDisposableStack;
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  home = await mkdtemp(join(tmpdir(), "realtime-cli-"));
  file = join(home, "realtimecluster.yaml");
  await mkdir(join(home, "handlers"));
  for (const name of ["a", "b", "other"]) await writeFile(join(home, "handlers", `${name}.ts`), HANDLERS);
});
afterEach(async () => {
  await stack.disposeAsync();
  await rm(home, { recursive: true, force: true });
});

const write = (spec: string) =>
  writeFile(
    file,
    `apiVersion: realtimecluster.dev/v1alpha1\nkind: RealtimeCluster\nmetadata: { name: cli }\nspec:\n${spec}`,
  );
const GATEWAY = "  gateway: { replicas: 1, api: {} }\n";
const POOL_A = "    - { name: a, events: ['a:*'] }\n";
const run = (...args: string[]) => stack.use(spawnNode(MAIN, { INIT_CWD: home, NO_COLOR: "1" }, args));
const pids = async (): Promise<Record<string, number>> => {
  const { instances } = state.parse(JSON.parse(await readFile(join(home, ".realtime/cli/state.json"), "utf8")));
  return Object.fromEntries(
    instances.flatMap(({ instance, state, pid }) => (state === "ready" && pid !== undefined ? [[instance, pid]] : [])),
  );
};
const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
const SLOW = { timeoutMs: 50_000 };
const ready = (...names: string[]) =>
  eventually(async () => {
    const found = await pids();
    expect(Object.keys(found).sort()).toEqual(names.sort());
    return found;
  }, SLOW);

describe("a mistake is one clear line, and the exit code 1", () => {
  const cases: [string, string | undefined, string[], RegExp[]][] = [
    ["a file that is not there", undefined, ["validate", "none.yaml"], [/^none.yaml: there is no such file$/]],
    ["a directory", undefined, ["up", "handlers"], [/^handlers: is a directory; name the file in it$/]],
    ["broken YAML", "  gateway: [\n", ["up", "realtimecluster.yaml"], [/^realtimecluster.yaml:\d: /]],
    [
      "all that is wrong",
      "  gatway: {}\n  workers:\n    - { name: A, events: ['a:*'] }\n",
      ["up", "realtimecluster.yaml"],
      [/^realtimecluster.yaml:7: spec.workers\[0\].name: /, /^realtimecluster.yaml:5: spec.gatway: /],
    ],
    [
      "handlers and Secrets that are not there",
      "  servers: { redis: { secretRef: { name: cache } } }\n  workers:\n    - { name: gone, events: ['a:*'] }\n",
      ["validate", "realtimecluster.yaml"],
      [
        /^realtimecluster.yaml:5: spec.servers.redis.secretRef: .secrets\/cache is not there; write/,
        /^realtimecluster.yaml:7: spec.workers\[0\].handlers: handlers\/gone.ts is not there; write/,
      ],
    ],
    [
      "a cluster that does not run",
      "  {}\n",
      ["status", "realtimecluster.yaml"],
      [/^realtimecluster.yaml does not run: start it with realtime up/],
    ],
    ["a port that is none", "  {}\n", ["up", "realtimecluster.yaml", "--port", "x"], [/a port is a number/]],
  ];
  test.each(cases)("%s", async (_given, spec, args, expected) => {
    if (spec !== undefined) await write(spec);
    const { exited, lines } = run(...args);
    expect(await exited).toBe(1);
    await eventually(() => expect(lines.length).toBe(expected.length));
    for (const line of expected) expect(lines).toContainEqual(expect.stringMatching(line));
  });

  test("a port in use", async () => {
    await write("  {}\n");
    const server = createServer().listen(0, "0.0.0.0");
    stack.defer(() => void server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const { exited, lines } = run("up", "realtimecluster.yaml", "--port", String(port));
    expect(await exited).toBe(1);
    await eventually(() =>
      expect(lines).toEqual([expect.stringMatching(`^port ${port}, for clients, is in use: stop`)]),
    );
  });
});

test("a file that is right is said to be", async () => {
  await write(`  workers:\n${POOL_A}    - { name: foreign, events: ['f:*'], replicas: 0 }\n`);
  const { exited, lines } = run("validate", "realtimecluster.yaml");
  expect(await exited).toBe(0);
  expect(lines).toEqual(["realtimecluster.yaml: cli is valid"]);
});

describe("up", () => {
  test("runs a file, applies its edits and only those, keeps what runs through a mistake, and stops in order", async () => {
    await write(`${GATEWAY}  workers:\n${POOL_A}`);
    const port = await freePorts();
    const cli = run("up", "realtimecluster.yaml", "--port", String(port));
    const before = await ready("cli-entry-0", "cli-gateway-0", "cli-hub-0", "cli-worker-a-0");
    expect(cli.lines).toContain(`  clients  http://localhost:${port}`);
    expect(
      cli.lines.some((line) => line.includes(`http://localhost:${port + 1}  key in .realtime/cli/api-keys/default`)),
    ).toBe(true);

    await write(
      `${GATEWAY}  workers:\n    - { name: a, events: ['a:*'], replicas: 2 }\n    - { name: b, events: ['b:*'], autoscaling: { minReplicas: 1 } }\n`,
    );
    const after = await ready(...Object.keys(before), "cli-worker-a-1", "cli-worker-b-0");
    expect(after).toMatchObject(before);

    await write(`${GATEWAY}  wrkers: []\n`);
    await eventually(() => expect(cli.lines.join("\n")).toContain("is not valid; what runs stays as it is"), SLOW);
    expect(await pids()).toEqual(after);

    const status = run("status", "realtimecluster.yaml");
    await status.exited;
    expect(status.lines.join("\n")).toMatch(/Ready/);
    expect(status.lines.join("\n")).toMatch(/worker-b +1 +1 +\d+ s +\w+: b 1: /);

    cli.child.kill("SIGINT");
    expect(await cli.exited).toBe(0);
    expect(Object.values(after).some(isAlive)).toBe(false);
    const order = cli.lines.filter((line) => line.startsWith("○")).map((line) => line.split(" ")[1]);
    expect(order.at(-1)).toBe("cli-hub-0");
    expect(order.indexOf("cli-gateway-0")).toBeLessThan(order.indexOf("cli-worker-a-0"));
  });

  test("asked to stop for the second time, it kills what has not gone yet", async () => {
    await writeFile(
      join(home, "handlers/a.ts"),
      `process.prependListener("SIGTERM", () => { for (;;); });\n${HANDLERS}`,
    );
    await write(`${GATEWAY}  workers:\n${POOL_A}`);
    const cli = run("up", "realtimecluster.yaml", "--port", String(await freePorts()));
    const all = await ready("cli-entry-0", "cli-gateway-0", "cli-hub-0", "cli-worker-a-0");
    cli.child.kill("SIGINT");
    await eventually(() => expect(cli.lines).toContain("… cli-worker-a-0 stopping"), SLOW);
    expect(isAlive(all["cli-worker-a-0"] ?? -1)).toBe(true);
    await eventually(
      () => {
        cli.child.kill("SIGINT");
        expect(cli.child.exitCode).toBe(130);
      },
      { timeoutMs: 20_000, everyMs: 50 },
    );
    await eventually(() => expect(Object.values(all).some(isAlive)).toBe(false));
  });

  test("that is killed takes its processes with it; started again at once, it has their ports", async () => {
    await write(GATEWAY);
    const args = ["up", "realtimecluster.yaml", "--port", String(await freePorts())];
    const cli = run(...args);
    const all = Object.values(await ready("cli-entry-0", "cli-gateway-0", "cli-hub-0"));
    await cli.kill("SIGKILL");
    run(...args);
    await eventually(async () => {
      const found = Object.values(await pids());
      expect(found).toHaveLength(3);
      expect(all.some((pid) => found.includes(pid))).toBe(false);
    }, SLOW);
    const third = run(...args);
    expect(await third.exited).toBe(1);
    await eventually(() => expect(third.lines).toEqual([expect.stringMatching("^cli runs already")]));
    await eventually(() => expect(all.some(isAlive)).toBe(false), SLOW);
  });
});
