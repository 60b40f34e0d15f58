import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Pool, RemoteJob } from "#crds";
import { io as connect, type Socket } from "socket.io-client";
import { eventually, freePort, spawnNode } from "#testing";
import { call } from "../testing/http.ts";
import { gatewayProcesses, type GatewayProcess, type GatewayProcesses, type Servers } from "../testing/processes.ts";
import { poolOf } from "../testing/settings.ts";

const EXAMPLE = fileURLToPath(new URL("../../examples/socketio-worker/worker.js", import.meta.url));
const KEYS = { default: "the-API-key", workers: "the-workers'-key", "worker.sums": "the-key-of-sums" };
const KEY = KEYS.workers;
const PATIENCE = { timeoutMs: 30_000 };
const everyServers: Servers[] = ["redis and rabbitmq", "hub"];

type Heard = [event: string, ...args: unknown[]];

/** A socket that remembers what it heard. */
interface Party {
  socket: Socket;
  heard: Heard[];
  of(event: string): Record<string, unknown>[];
}

let stack: AsyncDisposableStack;
let cluster: GatewayProcesses;
beforeEach(() => void (stack = new AsyncDisposableStack()));
afterEach(() => stack.disposeAsync());

const party = (url: string, options: object = {}): Party => {
  const socket = connect(url, { transports: ["websocket"], forceNew: true, reconnectionDelay: 50, ...options });
  stack.defer(() => void socket.disconnect());
  const heard: Heard[] = [];
  socket.onAny((event: string, ...args: unknown[]) => heard.push([event, ...args]));
  return {
    socket,
    heard,
    of: (event) => heard.filter(([name]) => name === event).map(([, data]) => ({ ...(data as object) })),
  };
};

const connected = async (url: string, options: object = {}): Promise<Party> => {
  const it = party(url, options);
  await eventually(() => expect(it.socket.connected).toBe(true), PATIENCE);
  return it;
};

/** A worker that is a socket.io client of this process; it answers nothing by itself, unless `run` does. */
interface Worker extends Party {
  jobs(): RemoteJob[];
  /** The first job of that id. */
  job(id: string): Promise<RemoteJob>;
}

const worker = async (
  api: string,
  auth: object = {},
  run: (job: RemoteJob, socket: Socket) => void = () => {},
): Promise<Worker> => {
  const it = party(`${api}/workers`, { auth: { key: KEY, pools: ["sums"], ...auth } });
  it.socket.on("job", (job: RemoteJob) => run(job, it.socket));
  await eventually(() => expect(it.socket.connected).toBe(true), PATIENCE);
  const jobs = () => it.of("job") as unknown as RemoteJob[];
  return {
    ...it,
    jobs,
    job: (id) =>
      eventually(() => {
        const found = jobs().find((job) => job.id === id);
        if (found === undefined) throw new Error(`${id} did not come: ${JSON.stringify(it.heard)}`);
        return found;
      }, PATIENCE),
  };
};

const portOf = (url: string): number => Number(new URL(url).port);

const sums = (more: Partial<Pool> = {}) => poolOf("sums", ["sum:*"], more);

const open = async (servers: Servers, pools: Pool[] = [sums()], settings: object = {}): Promise<GatewayProcess> => {
  cluster = stack.use(await gatewayProcesses(servers, { pools, keys: KEYS, settings }));
  return cluster.gateway();
};

const submit = async (client: Party, id: string, event = "sum:numbers", payload: unknown = {}) =>
  expect(await client.socket.emitWithAck(event, payload, { id })).toMatchObject({ ok: true, id });
const told = (client: Party, event: string, id: string) =>
  eventually(() => {
    const found = client.of(event).find((it) => it["id"] === id);
    if (found === undefined) throw new Error(`${event} of ${id} was not told: ${JSON.stringify(client.heard)}`);
    return found;
  }, PATIENCE);

describe.each(everyServers)("a worker that is a socket.io client, over %s", (servers) => {
  test("is given jobs, and their senders hear what it says, in order", async () => {
    const { clients, api } = await open(servers);
    const [client, it] = [await connected(clients), await worker(api, { name: "ada's" })];
    await submit(client, "a", "sum:numbers", { numbers: [1, 2], bytes: Buffer.from("hi") });
    const job = await it.job("a");
    expect(job).toMatchObject({
      pool: "sums",
      id: "a",
      event: "sum:numbers",
      payload: { numbers: [1, 2], bytes: Buffer.from("hi") },
      attempt: 1,
      timeoutMs: 30_000,
    });
    expect(job.key).toBe(`${job.user}/a`);
    const { run } = job;
    it.socket.emit("job:progress", { run, progress: 50 });
    it.socket.emit("job:emit", { run, user: job.user, event: "sum:step", data: { n: 1 } });
    expect(await it.socket.emitWithAck("job:done", { run, result: { sum: 3, bytes: Buffer.from("ho") } })).toEqual({
      ok: true,
    });
    await told(client, "job:done", "a");
    expect(client.heard.slice(-3)).toEqual([
      ["job:progress", { id: "a", progress: 50 }],
      ["sum:step", { n: 1 }],
      ["job:done", { id: "a", result: { sum: 3, bytes: Buffer.from("ho") } }],
    ]);
    await eventually(async () =>
      expect(await client.socket.emitWithAck("job:status", { id: "a" })).toMatchObject({
        job: { state: "done", worker: expect.stringMatching(/^ada's-[0-9a-f]{8}$/) },
      }),
    );
  });

  test("fails: the job is run again after the backoff; rejects: it is dead at once", async () => {
    const { clients, api } = await open(servers);
    const [client, it] = [await connected(clients), await worker(api)];
    await submit(client, "a");
    it.socket.emit("job:failed", { run: (await it.job("a")).run, error: "a secret" });
    expect(await told(client, "job:retry", "a")).toEqual({ id: "a", attempt: 1, inMs: 100 });
    await eventually(() => expect(it.jobs()).toMatchObject([{ attempt: 1 }, { attempt: 2 }]), PATIENCE);
    it.socket.emit("job:failed", { run: it.jobs()[1]?.run, error: "not these", reject: true });
    expect(await told(client, "job:failed", "a")).toEqual({
      id: "a",
      error: { code: "rejected", message: "not these" },
    });
    await eventually(async () =>
      expect(await call(portOf(api), "GET /api/pools/sums/dead", { key: KEYS.default })).toMatchObject({
        body: { letters: [{ reason: "rejected", error: "Reject: not these", attempts: 2 }] },
      }),
    );
  });

  test("is given as many at once as its credit, never more than the pool's concurrency, and the next for each answer", async () => {
    const { clients, api } = await open(servers, [sums({ concurrency: 3 })]);
    const client = await connected(clients);
    for (let n = 0; n < 6; n++) await submit(client, `j${n}`);
    const one = await worker(api);
    await one.job("j0");
    const greedy = await worker(api, { credit: 99 });
    await eventually(() => expect(greedy.jobs()).toHaveLength(3), PATIENCE);
    expect(one.jobs()).toHaveLength(1);
    expect(await one.socket.emitWithAck("stop")).toEqual({ ok: true });
    greedy.socket.emit("job:done", { run: greedy.jobs()[0]?.run });
    await eventually(() => expect(greedy.jobs()).toHaveLength(4), PATIENCE);
    one.socket.emit("job:done", { run: one.jobs()[0]?.run });
    for (const n of [0, 1]) await told(client, "job:done", `j${n}`);
    expect([one.jobs(), greedy.jobs()].map((jobs) => jobs.length)).toEqual([1, 4]);
  });

  test("killed with -9 in mid-job: its job is the next to be run, by another, as the next attempt", async () => {
    const { clients, api } = await open(servers);
    const client = await connected(clients);
    const victim = stack.use(spawnNode(EXAMPLE, { API_URL: api, KEY: KEYS["worker.sums"] }));
    await submit(client, "first", "sum:slowly", { steps: 10_000 });
    await told(client, "job:progress", "first");
    for (const id of ["b", "c"]) await submit(client, id);
    await victim.kill("SIGKILL");
    const waiting = () => call(portOf(api), "GET /api/pools", { key: KEYS.default });
    await eventually(async () => expect(await waiting()).toMatchObject({ body: { pools: [{ ready: 3 }] } }), PATIENCE);
    const it = await worker(api, { credit: 1 }, ({ run }, socket) => socket.emit("job:done", { run }));
    for (const id of ["first", "b", "c"]) await told(client, "job:done", id);
    expect(it.jobs().map(({ id, attempt }) => [id, attempt])).toEqual([
      ["first", 2],
      ["b", 1],
      ["c", 1],
    ]);
  });

  test("whose gateway is killed with -9 comes to the next one, and its job is run again", async () => {
    const first = await open(servers);
    const second = await cluster.gateway();
    const client = await connected(second.clients);
    const it = await worker(first.api);
    await submit(client, "a");
    await it.job("a");
    const port = portOf(first.api);
    await first.process.kill("SIGKILL");
    const again = await worker(second.api);
    expect(await again.job("a")).toMatchObject({ attempt: 2 });
    // The one that lost its gateway tries again by itself.
    await cluster.gateway({ api: port });
    await eventually(() => expect(it.socket.connected).toBe(true), PATIENCE);
    expect(await it.socket.emitWithAck("job:done", { run: it.jobs()[0]?.run })).toMatchObject({
      error: { code: "not_found" },
    });
    again.socket.emit("job:done", { run: again.jobs()[0]?.run, result: "here" });
    expect(await told(client, "job:done", "a")).toMatchObject({ result: "here" });
  });

  test("that does not answer in time is told, the job is run again, and what comes late is ignored", async () => {
    const { clients, api } = await open(servers, [sums({ timeoutSeconds: 0.3 })]);
    const [client, it] = [await connected(clients), await worker(api)];
    await submit(client, "a");
    const { run } = await it.job("a");
    await told(client, "job:retry", "a");
    expect(it.of("job:cancelled")).toEqual([{ run, reason: "timeout" }]);
    expect(await it.socket.emitWithAck("job:done", { run, result: "late" })).toMatchObject({
      ok: false,
      error: { code: "not_found" },
    });
    await eventually(() => expect(it.jobs()).toHaveLength(2), PATIENCE);
    it.socket.emit("job:done", { run: it.jobs()[1]?.run, result: "in time" });
    expect(await told(client, "job:done", "a")).toMatchObject({ result: "in time" });
  });

  test("is told that the job in its hand was cancelled", async () => {
    const { clients, api } = await open(servers);
    const [client, it] = [await connected(clients), await worker(api)];
    await submit(client, "a");
    const { run } = await it.job("a");
    await client.socket.emitWithAck("job:cancel", { id: "a" });
    await eventually(() => expect(it.of("job:cancelled")).toEqual([{ run, reason: "cancelled" }]), PATIENCE);
    expect(await told(client, "job:failed", "a")).toMatchObject({ error: { code: "cancelled" } });
  });

  test("answers requests, and takes copies", async () => {
    const pools = [sums({ mode: "request" }), poolOf("audit", ["sum:*"], { mode: "copy" })];
    const { clients, api } = await open(servers, pools);
    const client = await connected(clients);
    const it = await worker(api, { pools: ["sums", "audit"] }, ({ run, pool, payload }, socket) =>
      payload === "bad" && pool === "sums"
        ? socket.emit("job:failed", { run })
        : socket.emit("job:done", { run, result: pool }),
    );
    expect(await client.socket.emitWithAck("sum:a", "good")).toEqual({ ok: true, result: "sums" });
    expect(await client.socket.emitWithAck("sum:a", "bad")).toMatchObject({ error: { code: "handler_failed" } });
    await eventually(() => expect(it.jobs().filter(({ pool }) => pool === "audit")).toHaveLength(2), PATIENCE);
  });

  test("whose gateway stops ends what it has in hand, takes no more, and goes to another", async () => {
    const port = await freePort();
    cluster = stack.use(await gatewayProcesses(servers, { pools: [sums()], keys: KEYS }));
    const leaving = await cluster.gateway({ api: port });
    const staying = await cluster.gateway();
    const client = await connected(staying.clients);
    const [busy, idle] = [await worker(leaving.api), await worker(leaving.api)];
    await submit(client, "a");
    const holds = await eventually(() => {
      const [found] = [busy, idle].filter((it) => it.jobs().length > 0);
      if (found === undefined) throw new Error("nobody has it");
      return found;
    }, PATIENCE);
    const other = holds === busy ? idle : busy;
    const gone = new Promise<string>((resolve) => void other.socket.once("disconnect", resolve));
    leaving.process.child.kill("SIGTERM");
    expect(await gone).toBe("transport close");
    expect(holds.socket.connected).toBe(true);
    expect(await holds.socket.emitWithAck("job:done", { run: holds.jobs()[0]?.run, result: "in order" })).toEqual({
      ok: true,
    });
    expect(await told(client, "job:done", "a")).toMatchObject({ result: "in order" });
    expect(await leaving.process.exited).toBe(0);
    await cluster.gateway({ api: port });
    await eventually(() => expect(holds.socket.connected && other.socket.connected).toBe(true), PATIENCE);
    await submit(client, "b");
    await eventually(
      () => expect([...holds.jobs(), ...other.jobs()].map(({ id }) => id)).toEqual(["a", "b"]),
      PATIENCE,
    );
  });

  test("that is still busy when the grace is over hands its job back, which costs no attempt but on an old RabbitMQ", async () => {
    const first = await open(servers, [sums()], { drain: { graceSeconds: 1, reconnectsPerSecond: 2000 } });
    const second = await cluster.gateway();
    const client = await connected(second.clients);
    const it = await worker(first.api);
    await submit(client, "a");
    const { run } = await it.job("a");
    first.process.child.kill("SIGTERM");
    await eventually(() => expect(it.of("job:cancelled")).toEqual([{ run, reason: "stopping" }]), PATIENCE);
    const { attempt } = await (await worker(second.api)).job("a");
    expect(attempt).toBeLessThanOrEqual(servers === "hub" ? 1 : 2);
  });

  test("is in the snapshot with what it has in hand", async () => {
    const first = await open(servers);
    const second = await cluster.gateway();
    const client = await connected(first.clients);
    const it = await worker(first.api, { name: "ada's" });
    await submit(client, "a");
    it.socket.emit("job:progress", { run: (await it.job("a")).run, progress: 7 });
    const seen = await second.snapshot(({ workers }) => workers.some(({ inHand }) => inHand[0]?.progress === 7));
    expect(seen.workers).toMatchObject([
      { node: expect.stringMatching(/^ada's-/), pool: "sums", remote: true, inHand: [{ id: "a", attempt: 1 }] },
    ]);
    expect(seen.pools).toMatchObject([{ pool: "sums", unacked: 1 }]);
  });
});

describe("the door of the workers", () => {
  const refusal = async (url: string, auth: object): Promise<unknown> => {
    const { socket } = party(url, { auth });
    const [error] = await new Promise<unknown[]>((resolve) => socket.once("connect_error", (...args) => resolve(args)));
    return error instanceof Error && "data" in error ? error.data : error;
  };

  test("is shut to API keys, and the HTTP API to workers' keys", async () => {
    const { api } = await open("hub");
    expect(await refusal(`${api}/workers`, { key: KEYS.default })).toMatchObject({ code: "unauthorized" });
    expect(await refusal(`${api}/workers`, {})).toMatchObject({ code: "invalid_payload" });
    expect(await refusal(`${api}/workers`, { key: KEYS["worker.sums"], pools: ["mail"] })).toMatchObject({
      code: "forbidden",
    });
    expect(await refusal(`${api}/workers`, { key: KEY, pools: ["mail"] })).toMatchObject({ code: "not_found" });
    expect(await refusal(api, { key: KEY })).toMatchObject({ code: "not_found" });
    const port = portOf(api);
    for (const key of [KEY, KEYS["worker.sums"]])
      expect(await call(port, "GET /api/channels", { key })).toMatchObject({ status: 401 });
    const polling = await fetch(`${api}/socket.io/?EIO=4&transport=polling`);
    expect([polling.status, await polling.text()]).toEqual([403, expect.stringContaining("WebSocket")]);
  });

  test("a thousand hands are the most of one gateway: who comes then is let in when one has left", async () => {
    const pools = Array.from({ length: 50 }, (_, n) => poolOf(`pool-${n}`, [`event-${n}:*`]));
    const { api } = await open("hub", pools);
    const auth = { key: KEY, pools: pools.map(({ name }) => name) };
    const within = await Promise.all(Array.from({ length: 20 }, () => worker(api, auth)));
    const late = party(`${api}/workers`, { auth });
    let attempts = 0;
    late.socket.io.on("reconnect_attempt", () => void (attempts += 1));
    await eventually(() => expect(attempts).toBeGreaterThan(2), PATIENCE);
    expect(late.socket.connected).toBe(false);
    within[0]?.socket.disconnect();
    await eventually(() => expect(late.socket.connected).toBe(true), PATIENCE);
  });

  test("is shut behind a worker whose key is taken away, or whose pool changes, after what it has in hand", async () => {
    const { clients, api } = await open("hub");
    const client = await connected(clients);
    const [one, other] = [await worker(api, { key: KEYS["worker.sums"] }), await worker(api)];
    const refused = new Promise((resolve) => void one.socket.on("connect_error", resolve));
    await cluster.setKeys({ workers: KEY });
    expect(await refused).toMatchObject({ data: { code: "unauthorized" } });
    await submit(client, "a");
    const { run } = await other.job("a");
    const gone = new Promise<string>((resolve) => void other.socket.once("disconnect", resolve));
    await cluster.setPools([sums({ timeoutSeconds: 7 }), poolOf("mail", ["mail:*"])]);
    await eventually(
      async () => expect(await client.socket.emitWithAck("mail:a")).toMatchObject({ ok: true }),
      PATIENCE,
    );
    await submit(client, "b");
    expect(await other.socket.emitWithAck("job:done", { run })).toEqual({ ok: true });
    expect(await gone).toBe("transport close");
    expect(await other.job("b")).toMatchObject({ timeoutMs: 7000, attempt: 1 });
  });

  test("answers what it does not understand, and goes on", async () => {
    const { clients, api } = await open("hub");
    const [client, it] = [await connected(clients), await worker(api)];
    await submit(client, "a");
    const { run } = await it.job("a");
    const bad: [string, unknown, string][] = [
      ["job:done", undefined, "invalid_payload"],
      ["job:done", { run: 7 }, "invalid_payload"],
      ["job:done", { run: "another's" }, "not_found"],
      ["job:progress", { run, progress: "much" }, "invalid_payload"],
      ["job:emit", { run, event: "news" }, "invalid_payload"],
      ["job:emit", { run, channel: "a", user: "b", event: "news" }, "invalid_payload"],
      ["job:emit", { run, broadcast: true, event: "job:done" }, "reserved_event"],
    ];
    for (const [event, said, code] of bad)
      expect(await it.socket.emitWithAck(event, said)).toMatchObject({ ok: false, error: { code } });
    it.socket.emit("job:done", "junk");
    await eventually(() => expect(it.of("refused")).toMatchObject([{ event: "job:done" }]));
    it.socket.emit("job:done", { run, result: 1 });
    expect(await told(client, "job:done", "a")).toMatchObject({ result: 1 });
  });
});
