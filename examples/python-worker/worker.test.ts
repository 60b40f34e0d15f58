import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { openBroker } from "#broker";
import { silentLog } from "#process";
import { eventually, sharedServer, spawnProgram, type NodeProcess } from "#testing";
import { testCluster, type TestClient, type TestCluster } from "../../gateway/testing/cluster.ts";
import { poolOf } from "../../gateway/testing/settings.ts";
import { pip } from "../testing/tool.ts";

const FILE = join(import.meta.dirname, "worker.py");
/** In the place of its handler, where a test has to know who runs it: takes SECONDS, and fails for "fail", without a text. */
const SLOW = `def handle(job):
    emit("u:" + job["user"], "began", os.getpid())
    assert job["payload"] != "fail"
    time.sleep(float(os.environ["SECONDS"]))
    return os.getpid()
`;
const LOG = { maxMessages: 1000, maxBytes: 1 << 20 };

test("the page on the wire shows the worker as it is", async () => {
  const worker = await readFile(FILE, "utf8");
  const page = await readFile(join(import.meta.dirname, "../../docs/wire.md"), "utf8");
  expect(page).toContain(`\`\`\`python\n${worker}\`\`\``);
});

describe("the worker in Python", () => {
  const stack = new AsyncDisposableStack();
  let packages: string;
  let slow: string;
  beforeAll(async () => {
    packages = await mkdtemp(join(tmpdir(), "realtime-python-worker-"));
    stack.defer(() => rm(packages, { recursive: true, force: true }));
    await pip(packages, "pika==1.3.2", "redis==8.1.0", "msgpack==1.2.4");
    slow = join(packages, "slow.py");
    const code = await readFile(FILE, "utf8");
    await writeFile(
      slow,
      code.replace(/^def handle\(.*\n( .*\n)+/mu, () => SLOW),
    );
  });
  afterAll(() => stack.disposeAsync());

  /** Runs it; resolves when it consumes. */
  const start = async ({ name }: TestCluster, env: Record<string, string>, file = FILE): Promise<NodeProcess> => {
    const [redis, rabbitmq] = await Promise.all([sharedServer("redis"), sharedServer("rabbitmq")]);
    const common = { CLUSTER: name, PREFIX: name, REDIS_URL: redis.uri, RABBITMQ_URL: rabbitmq.uri };
    const worker = stack.use(spawnProgram("python3", [file], { ...common, PYTHONPATH: packages, ...env }));
    await eventually(() => expect(worker.lines).toEqual(["ready"]));
    return worker;
  };
  const began = ({ heard }: TestClient) => heard.filter(([event]) => event === "began").map(([, by]) => by);

  const failed = { ok: false, error: { code: "handler_failed", message: "The handler threw" } };

  test.each([
    ["without recovery", {}, {}],
    ["with recovery", { recovery: LOG }, { recovery: { windowSeconds: 60 } }],
  ])("answers requests, %s: the ack is the result, or says that the handler failed", async (_, options, written) => {
    await using cluster = testCluster([poolOf("sums", ["sum:*"], { mode: "request" })], options);
    const gateway = await cluster.gateway(written);
    using client = await gateway.client();
    const worker = await start(cluster, { POOL: "sums", MODE: "requests" });
    const sum = (...numbers: unknown[]) => client.ask("sum:numbers", { numbers });
    expect(await sum(1, 2, 3)).toEqual({ ok: true, result: { sum: 6 } });
    expect(await sum("one")).toEqual(failed);
    // Infinite, which is no JSON.
    expect(await sum(1e308, 1e308)).toEqual(failed);
    expect(await sum(4)).toEqual({ ok: true, result: { sum: 4 } });
    expect(worker.lines).toEqual(["ready"]);
  });

  test("what a request's handler emits comes before the answer; a failure without a text is one", async () => {
    await using cluster = testCluster([poolOf("slow", ["slow:*"], { mode: "request" })]);
    const gateway = await cluster.gateway();
    using client = await gateway.client();
    const worker = await start(cluster, { POOL: "slow", MODE: "requests", SECONDS: "0" }, slow);
    for (let n = 1; n <= 20; n += 1) {
      const before = new Promise((resolve) => {
        // Looked at here: a promise is told after all that came in the same packet.
        client.socket.emit("slow:work", n, () => resolve(began(client).length));
      });
      expect(await before).toBe(n);
    }
    expect(await client.ask("slow:work", "fail")).toEqual(failed);
    expect(worker.lines).toEqual(["ready"]);
  });

  test("killed with -9 in the middle of a request, another answers it; where there is none in time, nobody runs it later", async () => {
    await using cluster = testCluster([
      poolOf("slow", ["slow:*"], { mode: "request" }),
      poolOf("lost", ["lost:*"], { mode: "request", timeoutSeconds: 3 }),
    ]);
    const gateway = await cluster.gateway();
    using client = await gateway.client();
    const worker = (POOL: string, SECONDS: string) => start(cluster, { POOL, MODE: "requests", SECONDS }, slow);
    const killed = await worker("slow", "60");
    const killedToo = await worker("lost", "60");
    const answer = client.ask("slow:work", 1);
    await eventually(() => expect(began(client)).toEqual([killed.pid]));
    const other = await worker("slow", "0");
    await killed.kill("SIGKILL");
    expect(await answer).toEqual({ ok: true, result: other.pid });

    const lost = client.ask("lost:work", 1);
    await eventually(() => expect(began(client)).toHaveLength(3));
    await killedToo.kill("SIGKILL");
    expect(await lost).toMatchObject({ ok: false, error: { code: "request_timeout" } });
    const late = await worker("lost", "0");
    expect(await client.ask("lost:work", 2)).toEqual({ ok: true, result: late.pid });
    expect(began(client)).toEqual([killed, other, killedToo, late].map(({ pid }) => pid));
  });

  test("runs jobs: done, or retried and then a dead letter, and tells the sender", async () => {
    const pool = poolOf("sums", ["sum:*"]);
    await using cluster = testCluster([pool]);
    const gateway = await cluster.gateway();
    using client = await gateway.client();
    const worker = await start(cluster, { POOL: "sums", DELAYS: "100 200" });
    await client.ask("sum:numbers", { numbers: [1, 2] }, { id: "sum" });
    await eventually(() => expect(client.of("job:done")).toEqual([{ id: "sum", result: { sum: 3 } }]));
    await client.ask("sum:numbers", { numbers: ["one"] }, { id: "none" });
    await eventually(() => expect(client.of("job:failed")).toEqual([{ id: "none", error: failed.error }]));
    expect(client.of("job:retry")).toEqual([1, 2].map((attempt) => ({ id: "none", attempt, inMs: attempt * 100 })));
    const { uri } = await sharedServer("rabbitmq");
    await using broker = await openBroker("rabbitmq", {
      cluster: cluster.name,
      node: "test",
      settings: async () => ({ uri }),
      log: silentLog(),
      registry: new Registry(),
    });
    const letter = { job: { id: "none" }, reason: "failed", error: expect.stringMatching(/^TypeError/u), attempts: 3 };
    await eventually(async () => expect(await broker.deadLetters(pool, 10)).toMatchObject([letter]));
    expect(worker.lines).toEqual(["ready"]);
  });

  test("killed with -9 in the middle of a job, another runs it", async () => {
    await using cluster = testCluster([poolOf("slow", ["slow:*"])]);
    const gateway = await cluster.gateway();
    using client = await gateway.client();
    const worker = (SECONDS: string) => start(cluster, { POOL: "slow", SECONDS }, slow);
    const killed = await worker("60");
    await client.ask("slow:work", 1, { id: "slow" });
    await eventually(() => expect(began(client)).toEqual([killed.pid]));
    const other = await worker("0");
    await killed.kill("SIGKILL");
    await eventually(() => expect(client.of("job:done")).toEqual([{ id: "slow", result: other.pid }]));
  });
});
