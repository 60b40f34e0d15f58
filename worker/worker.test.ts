import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { CANCEL_TOPIC, jobKey, REPORT_REQUEST_TOPIC, reportTopic } from "#crds";
import { eventually, spawnNode, type NodeProcess } from "#testing";
import { connect } from "./index.ts";
import { openCluster, type Servers, type TestCluster } from "./testing/cluster.ts";

const everyServers: Servers[] = ["redis and rabbitmq", "hub"];

describe.each(everyServers)("a worker over %s", (servers) => {
  let cluster: TestCluster;
  beforeEach(async () => {
    cluster = await openCluster(servers);
  });
  const startsOf = (id: string) =>
    cluster.told.filter(({ event, data }) => event === "started" && data["id"] === id).map(({ data }) => data["pid"]);
  afterEach(async () => cluster[Symbol.asyncDispose]());

  test("runs jobs, retries and rejects, and tells their sender", async () => {
    await cluster.worker();
    const echo = await cluster.submit("t:echo", { n: 1 });
    const flaky = await cluster.submit("t:flaky", { succeedsAt: 3 });
    const hopeless = await cluster.submit("t:flaky", { succeedsAt: 99 });
    const rejected = await cluster.submit("t:reject");
    const progress = await cluster.submit("t:progress");
    expect(await cluster.about(echo, "job:done")).toMatchObject({ result: { payload: { n: 1 }, attempt: 1 } });
    expect(await cluster.about(flaky, "job:done")).toEqual({ id: flaky, result: 3 });
    expect(await cluster.about(hopeless, "job:failed")).toMatchObject({ error: { code: "handler_failed" } });
    expect(await cluster.about(rejected, "job:failed")).toMatchObject({
      error: { code: "rejected", message: "never" },
    });
    await cluster.about(progress, "job:done");
    const percents = cluster.told.filter(({ event }) => event === "job:progress").map(({ data }) => data["progress"]);
    expect(percents[0]).toBe(0);
    expect(percents.at(-1)).toBe(100);
    await eventually(async () => expect((await cluster.broker.deadLetters(cluster.pool, 10)).length).toBe(2));
  });

  test("killed with -9 in mid-job: another runs the job", async () => {
    const workers = await Promise.all([cluster.worker(), cluster.worker()]);
    const id = await cluster.submit("t:deaf");
    const { pid } = await cluster.about(id, "started");
    const victim = workers.find((worker) => worker.pid === pid);
    await victim?.kill("SIGKILL");
    const { result } = await cluster.about(id, "job:done");
    expect(result).toMatchObject({ attempt: 2, pid: workers.find((worker) => worker.pid !== pid)?.pid });
  });

  test("that gets SIGTERM finishes what is in hand, and takes no more", async () => {
    const worker = await cluster.worker();
    const id = await cluster.submit("t:wait", { ms: 1000 });
    await cluster.about(id, "started");
    worker.child.kill("SIGTERM");
    expect(await worker.exited).toBe(0);
    expect(await cluster.about(id, "job:done")).toMatchObject({ result: { attempt: 1 } });
    const later = await cluster.submit("t:echo");
    await cluster.worker();
    expect(await cluster.about(later, "job:done")).toMatchObject({ result: { attempt: 1 } });
  });

  test("hands back what its grace does not suffice for, and another runs it at once", async () => {
    const grace = { GRACE_SECONDS: "0.1" };
    const workers = await Promise.all([cluster.worker(grace), cluster.worker(grace)]);
    const id = await cluster.submit("t:deaf");
    const { pid } = await cluster.about(id, "started");
    const first = workers.find((worker) => worker.pid === pid);
    const second = workers.find((worker) => worker.pid !== pid);
    first?.child.kill("SIGTERM");
    expect(await first?.exited).toBe(0);
    await eventually(() => expect(startsOf(id)).toEqual([pid, second?.pid]));
    expect(cluster.told.map(({ event }) => event)).not.toContain("job:retry");
  });

  test("and any other process say something to clients and hear what they are told", async () => {
    await using script = await connect(cluster.address);
    const heard: unknown[] = [];
    const listening = await script.listen("runs", (event, args) => heard.push([event, ...args]));
    script.toUser(cluster.user).emit("news", { id: "noon" });
    await cluster.about("noon", "news");
    await cluster.worker();
    const id = await cluster.submit("t:wait", { ms: 0 });
    await eventually(() => expect(heard).toMatchObject([["started", { id, attempt: 1 }]]));
    await listening[Symbol.asyncDispose]();
  });

  test("aborts a cancelled job, and reports what it has in hand", async () => {
    await cluster.worker();
    const { bus } = cluster.delivery;
    const reports: unknown[] = [];
    const reporting = await bus.subscribe(reportTopic("me"), (message) => {
      reports.push(JSON.parse(Buffer.from(message).toString()));
    });
    const id = await cluster.submit("t:wait", { ms: 60_000 });
    await cluster.about(id, "started");
    bus.publish(REPORT_REQUEST_TOPIC, Buffer.from(JSON.stringify({ node: "me" })));
    await eventually(() =>
      expect(reports).toMatchObject([{ worker: { pool: "things", inHand: [{ id, user: "ada", event: "t:wait" }] } }]),
    );
    bus.publish(CANCEL_TOPIC, Buffer.from(jobKey("ada", id)));
    expect(await cluster.about(id, "job:failed")).toMatchObject({ error: { code: "cancelled" } });
    await reporting[Symbol.asyncDispose]();
  });
});

describe("a module of handlers", () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "realtime-handlers-"));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  const main = new URL("./main.ts", import.meta.url).pathname;
  const run = async (name: string, source: string): Promise<NodeProcess> => {
    const file = join(directory, name);
    await writeFile(file, source);
    return spawnNode(main, {
      CLUSTER: "none",
      INSTANCE: "worker-1",
      PROBE_PORT: "0",
      PROBE_HOST: "127.0.0.1",
      ADAPTER: "redis",
      BROKER: "rabbitmq",
      STORE: "redis",
      CONFIG_FILE: "",
      POOL: JSON.stringify({
        name: "things",
        events: ["t:*"],
        mode: "job",
        orderBy: "none",
        concurrency: 5,
        timeoutSeconds: 30,
        retry: { attempts: 3, backoffSeconds: 1, maxBackoffSeconds: 1 },
      }),
      HANDLERS: file,
    });
  };

  test.each([
    { what: "throws on load", file: "throws.ts", source: `throw new Error("no database")`, says: "no database" },
    { what: "is no TypeScript", file: "broken.ts", source: `export default (`, says: "cannot be loaded" },
    { what: "has no handlers", file: "empty.ts", source: `export default {}`, says: "has no handlers" },
    {
      what: "handles nothing of the pool",
      file: "other.ts",
      source: `import { handlers } from "@realtimecluster/worker";\nexport default handlers({"x:*": () => 1});`,
      says: "handles x:*, but the pool things takes t:*",
    },
    {
      what: "wherever it lies, finds the SDK, and only then the servers are looked for",
      file: "good.ts",
      source: `import { handlers, Reject } from "@realtimecluster/worker";\nexport default handlers({"t:a": () => { throw new Reject("x"); }});`,
      says: "RABBITMQ_DIR is not set",
    },
  ])("that $what ends the process with one line and code 1", async ({ file, source, says }) => {
    await using worker = await run(file, source);
    expect(await worker.exited).toBe(1);
    const lines = worker.lines.filter((line) => line.includes(says));
    expect(lines.length).toBe(1);
    if (file !== "good.ts") expect(lines[0]).toContain(join(directory, file));
  });
});
