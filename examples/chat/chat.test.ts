import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { eventually, sharedServer } from "#testing";
import { z } from "zod";
import { openClient, type Client } from "../testing/client.ts";
import { PATIENCE, runExample, type RunningExample } from "../testing/run-example.ts";
import { connections, spreads } from "../testing/spreads.ts";
import { talk, type Talker } from "../testing/talker.ts";

const ALL = ["hub-0", "entry-0", "gateway-0", "gateway-1", "worker-chat-0", "worker-chat-1"].map((it) => `chat-${it}`);

jest.setTimeout(240_000);

const taken = z.object({ ok: z.literal(true), id: z.string() });
const running = z.object({
  running: z.array(z.object({ id: z.string(), user: z.string(), worker: z.string(), attempt: z.number() })),
});

/** The worker's instance that has the job in hand, as `jobs:chat` tells it. */
const workerOf = (client: Client, id: string, attempt: number): Promise<string> =>
  eventually(() => {
    for (const picture of client.of("jobs").toReversed()) {
      const job = running.safeParse(picture).data?.running.find((it) => it.id === id && it.attempt >= attempt);
      if (job !== undefined) return job.worker.replace(/-[0-9a-f]{8}$/, "");
    }
    throw new Error(`nobody is seen to run attempt ${attempt} of ${id}`);
  }, PATIENCE);

const say = async (client: Client, text: string): Promise<string> =>
  taken.parse(await client.ask("chat:message", { channel: "lobby", text })).id;

const slow = async (client: Client, seconds: number): Promise<string> =>
  taken.parse(await client.ask("chat:slow", { channel: "lobby", seconds })).id;

const FILES = {
  "handlers/echo.ts": `import { handlers } from "@realtimecluster/worker";
export default handlers({ "echo:this": (payload) => payload });
`,
  "handlers/loud.ts": `import { handle, handlers } from "@realtimecluster/worker";
import { z } from "zod";
export default handlers({
  "chat:message": handle(z.object({ channel: z.string(), text: z.string() }), ({ channel, text }, ctx) => {
    ctx.to(channel).emit("chat:message", { id: ctx.id, user: ctx.user, text: text.toUpperCase(), at: Date.now() });
    return { id: ctx.id };
  }),
});
`,
};

describe("the chat", () => {
  let example: RunningExample;
  const stack = new AsyncDisposableStack();
  const clients: Client[] = [];
  const clientAt = (index: number): Client => {
    const client = clients[index];
    if (client === undefined) throw new Error("no such client");
    return client;
  };
  const talkers: Talker[] = [];
  const settled = () => Promise.all(talkers.map((it) => it.settled()));

  beforeAll(async () => {
    example = stack.use(await runExample("chat", { files: FILES }));
    await example.settled((pids) => ALL.every((it) => pids[it] !== undefined));
    await spreads(example);
    for (let i = 0; i < 4; i++)
      clients.push(stack.use(await openClient(example.url, { channels: ["lobby", "jobs:chat", "cluster"] })));
  });
  afterAll(() => stack.disposeAsync());

  test("is a page, and its client, for anyone", async () => {
    const page = await fetch(`${example.url}/`);
    expect(await page.text()).toBe(await readFile(join(import.meta.dirname, "public/index.html"), "utf8"));
    expect((await fetch(`${example.url}/socket.io/socket.io.js`)).status).toBe(200);
  });

  test("spreads its connections over both gateways", async () => {
    await eventually(async () => expect(await connections(example)).toEqual([2, 2]), PATIENCE);
    const lines = await example.command("status", "realtimecluster.yaml");
    expect(lines).toContain("4 connections on 2 gateways");
  });

  test("gives a message to everyone, and the sender its end", async () => {
    const { user } = await clientAt(0).session();
    const id = await say(clientAt(0), "hello");
    for (const client of clients)
      expect(await client.hear("chat:message", { id })).toEqual({ id, user, text: "hello", at: expect.any(Number) });
    expect(await clientAt(0).hear("job:done", { id })).toEqual({ id, result: { id } });
    for (const client of clients.slice(1)) expect(client.of("job:done", { id })).toEqual([]);
    for (const client of clients) expect(client.of("chat:message", { id })).toHaveLength(1);
  });

  test.each<[string, ("polling" | "websocket")[]]>([
    ["polls, through an entry that remembers nobody", ["polling"]],
    ["polls first and upgrades, as the page does", ["polling", "websocket"]],
  ])("serves a client that %s", async (_how, transports) => {
    using client = await openClient(example.url, { channels: ["lobby"], transports });
    for (let i = 0; i < 10; i++) {
      const id = await say(client, `no. ${i}`);
      await client.hear("chat:message", { id });
      await client.hear("job:done", { id });
    }
    expect(client.losses()).toBe(0);
  });

  test("acks before it says anything else of a job", async () => {
    const jobs = await Promise.all(clients.flatMap((it) => Array.from({ length: 50 }, (_, n) => say(it, `no. ${n}`))));
    expect(new Set(jobs).size).toBe(200);
    for (const [index, client] of clients.entries())
      for (const id of jobs.slice(index * 50, index * 50 + 50)) {
        await client.hear("job:done", { id });
        expect(client.order(id)).toEqual(["ack", "job:done"]);
      }
  });

  test("tells the progress of a long job, and everyone the queue", async () => {
    const { user } = await clientAt(1).session();
    const id = await slow(clientAt(1), 1);
    await workerOf(clientAt(2), id, 1);
    expect(await clientAt(1).hear("job:done", { id })).toEqual({ id, result: { id, seconds: 1 } });
    expect(clientAt(1).of("job:progress", { id })).toContainEqual({ id, progress: 50 });
    for (const client of clients)
      expect(await client.hear("chat:progress", { id, progress: 100 })).toEqual({ id, user, progress: 100 });
    expect(clientAt(2).of("job:progress", { id })).toEqual([]);
    const finished = z.object({ finished: z.array(z.object({ id: z.string(), state: z.string() })) });
    await eventually(
      () =>
        expect(finished.parse(clientAt(2).of("jobs").at(-1)).finished).toContainEqual(
          expect.objectContaining({ id, state: "done" }),
        ),
      PATIENCE,
    );
  });

  test("tells who comes and who goes", async () => {
    const [watcher, others] = [clientAt(0), clients.slice(1)];
    const here = z.object({ ok: z.literal(true), users: z.array(z.string()) });
    const { users } = here.parse(await watcher.ask("presence", { channel: "lobby", watch: true }));
    for (const other of others) expect(users).toContain((await other.session()).user);
    const guest = await openClient(example.url, { channels: ["lobby"] });
    const { user } = await guest.session();
    await watcher.hear("presence:join", { channel: "lobby", user });
    guest[Symbol.dispose]();
    await watcher.hear("presence:leave", { channel: "lobby", user });
  });

  test("hears servers that have the key, and no others", async () => {
    const publish = async (key: string) =>
      fetch(`${example.apiUrl}/api/publish`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: JSON.stringify({ channel: "lobby", event: "news", data: { text: "from a server" } }),
      });
    expect((await publish("another")).status).toBe(401);
    expect((await publish(await example.apiKey())).status).toBe(200);
    for (const client of clients) await client.hear("news", { text: "from a server" });
    for (const client of clients) expect(client.of("news")).toHaveLength(1);
  });

  test("calls workers for a load, and sends them away when it is over", async () => {
    const before = await example.pids();
    const ids = await Promise.all(
      Array.from({ length: 200 }, async () => taken.parse(await clientAt(0).ask("load:work", { ms: 300 })).id),
    );
    const isLoad = (fields: object) => clientAt(1).of("cluster", { pool: "load", ...fields });
    for (const id of ids) await clientAt(0).hear("job:done", { id });
    expect(isLoad({ what: "ready" }).length).toBeGreaterThan(1);
    await example.settled((pids) => Object.keys(pids).length === ALL.length);
    expect(await example.pids()).toEqual(before);
    expect(isLoad({ what: "exited" })).toEqual([]);
    expect(clientAt(0).of("job:failed")).toEqual([]);
  });

  describe("while four clients talk", () => {
    beforeAll(() => {
      for (const client of clients) talkers.push(stack.use(talk(client, clients)));
    });

    /** Everyone hears who died and that he is back, also who was away then; nothing else restarts; what was acked is done. */
    const kill = async (instance: string) => {
      const killedAt = Date.now();
      const before = await example.pids();
      const after = await example.killAndAwait(instance);
      expect({ ...after, [instance]: before[instance] }).toEqual(before);
      const told = z.object({ at: z.number(), what: z.string() });
      for (const client of clients)
        await eventually(() => {
          const events = client.of("cluster", { instance }).map((it) => told.parse(it));
          const since = events.filter(({ at }) => at >= killedAt).map(({ what }) => what);
          expect(since).toEqual(expect.arrayContaining(["exited", "restarting", "ready"]));
        }, PATIENCE);
      await eventually(() => expect(clients.map(({ socket }) => socket.connected)).not.toContain(false), PATIENCE);
      await settled();
    };
    const isDone = (client: Client, id: string) =>
      eventually(async () => {
        if (client.of("job:done", { id }).length > 0) return;
        expect(await client.ask("job:status", { id })).toMatchObject({ ok: true, job: { state: "done" } });
      }, PATIENCE);
    const losses = () => clients.map((client) => client.losses());

    test("a worker killed in the middle of a job: another runs it", async () => {
      const id = await slow(clientAt(0), 6);
      await clientAt(0).hear("job:progress", { id });
      const victim = await workerOf(clientAt(1), id, 1);
      expect(clientAt(0).of("job:done", { id })).toEqual([]);
      await kill(victim);
      expect(await workerOf(clientAt(1), id, 2)).not.toBe(victim);
      await clientAt(0).hear("job:done", { id });
      expect(losses()).toEqual([0, 0, 0, 0]);
    });

    test("a gateway killed: its clients come back as they were", async () => {
      const users = await Promise.all(clients.map(async (it) => (await it.session()).user));
      const ids = await Promise.all(clients.map((it) => slow(it, 1)));
      await kill("chat-gateway-0");
      expect(losses().toSorted((a, b) => a - b)).toEqual([0, 0, 1, 1]);
      for (const [index, client] of clients.entries()) {
        await isDone(client, ids[index] ?? "");
        const id = await say(client, "here again");
        for (const other of clients) await other.hear("chat:message", { id, user: users[index] });
      }
    });

    test("the hub killed: nobody is disconnected, and what it held is run", async () => {
      const before = losses();
      const ids = await Promise.all(clients.map((it) => slow(it, 2)));
      await kill("chat-hub-0");
      for (const [index, client] of clients.entries()) await isDone(client, ids[index] ?? "");
      expect(losses()).toEqual(before);
    });

    test("the entry killed: everybody comes back", async () => {
      const id = await slow(clientAt(0), 1);
      await kill("chat-entry-0");
      await isDone(clientAt(0), id);
      for (const client of clients) await client.hear("job:done", { id: await say(client, "back") });
    });

    test("an edit changes what it says and nothing else", async () => {
      const before = await example.pids();
      const lost = losses();
      await example.edit((resource) => {
        resource.setIn(["spec", "workers", 0, "replicas"], 3);
        resource.addIn(["spec", "workers"], { name: "echo", events: ["echo:*"], handlers: "./handlers/echo.ts" });
      });
      const more = await example.settled((pids) => Object.keys(pids).length === ALL.length + 2);
      expect(more).toEqual({
        ...before,
        "chat-worker-chat-2": expect.any(Number),
        "chat-worker-echo-0": expect.any(Number),
      });
      await eventually(async () => {
        const { id } = taken.parse(await clientAt(0).ask("echo:this", { n: 1 }));
        expect(await clientAt(0).hear("job:done", { id })).toEqual({ id, result: { n: 1 } });
      }, PATIENCE);

      await example.edit((resource) => {
        resource.setIn(["spec", "workers", 0, "handlers"], "./handlers/loud.ts");
      });
      const isPool = (instance: string) => instance.startsWith("chat-worker-chat-");
      const old = Object.entries(more).flatMap(([instance, pid]) => (isPool(instance) ? [pid] : []));
      const rest = Object.fromEntries(Object.entries(more).filter(([instance]) => !isPool(instance)));
      const after = await example.settled(
        (pids) =>
          Object.keys(pids).filter(isPool).length === 3 && !Object.values(pids).some((pid) => old.includes(pid)),
      );
      expect(after).toMatchObject(rest);
      const id = await say(clientAt(0), "quietly");
      await clientAt(1).hear("chat:message", { id, text: "QUIETLY" });
      await settled();
      expect(losses()).toEqual(lost);
    });
  });

  test("ends at Ctrl-C and leaves nothing running", async () => {
    for (const talker of talkers) await talker[Symbol.asyncDispose]();
    expect(await example.interrupt()).toBe(0);
    expect(example.alive()).toEqual([]);
    expect(await example.hasState()).toBe(false);
  });
});

test.each([
  ["a Redis and a RabbitMQ", "redis"],
  ["a RabbitMQ, as adapter too,", "rabbitmq"],
] as const)("the chat on %s of one's own goes on without a worker and without a gateway", async (_servers, adapter) => {
  const [redis, rabbitmq] = await Promise.all([sharedServer("redis"), sharedServer("rabbitmq")]);
  const name = `chat-${randomBytes(4).toString("hex")}`;
  const address = new URL(redis.uri);
  address.searchParams.set("prefix", name);
  const needsHub = adapter === "rabbitmq";
  await using example = await runExample("chat", {
    edit: (resource) => {
      resource.setIn(["metadata", "name"], name);
      resource.setIn(["spec", "adapter", "type"], adapter);
      resource.setIn(["spec", "servers"], {
        redis: { secretRef: { name: "redis" } },
        rabbitmq: { secretRef: { name: "rabbitmq" } },
      });
    },
    secrets: { redis: { uri: address.href }, rabbitmq: { uri: rabbitmq.uri } },
  });
  await example.settled((pids) => Object.keys(pids).length === ALL.length - (needsHub ? 0 : 1));
  expect(Object.keys(await example.pids()).filter((it) => it.includes("hub"))).toHaveLength(needsHub ? 1 : 0);
  const channels = ["lobby", "jobs:chat"];
  await spreads(example);
  using ada = await openClient(example.url, { channels });
  using bob = await openClient(example.url, { channels });
  const both = [ada, bob];

  const first = await say(ada, "hello");
  for (const client of both) await client.hear("chat:message", { id: first, text: "hello" });
  await ada.hear("job:done", { id: first });

  await using talking = talk(ada, both);
  const id = await slow(bob, 6);
  await bob.hear("job:progress", { id });
  const victim = await workerOf(ada, id, 1);
  await example.killAndAwait(victim);
  expect(await workerOf(ada, id, 2)).not.toBe(victim);
  await bob.hear("job:done", { id });
  await talking.settled();

  const [gateway] = Object.keys(await example.pids()).filter((it) => it.includes("-gateway-"));
  await example.killAndAwait(gateway ?? "");
  await eventually(() => expect(ada.losses() + bob.losses()).toBe(1), PATIENCE);
  await eventually(() => expect(both.map(({ socket }) => socket.connected)).toEqual([true, true]), PATIENCE);
  for (const client of both) await client.hear("job:done", { id: await say(client, "still here") });
  await talking.settled();
  await talking[Symbol.asyncDispose]();
  expect(await example.interrupt()).toBe(0);
  expect(example.alive()).toEqual([]);
});
