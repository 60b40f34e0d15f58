import { describe, expect, test } from "@jest/globals";
import { snapshot, type ClusterEvent, type Snapshot } from "#crds";
import { eventually } from "#testing";
import { serveApi } from "./api/index.ts";
import { serveControl } from "./control/index.ts";
import { testCluster, type TestCluster } from "./testing/cluster.ts";
import { call } from "./testing/http.ts";
import { poolOf } from "./testing/settings.ts";
import { openFeeds } from "./watch/index.ts";

const at = { host: "127.0.0.1", port: 0 };

/** A gateway of `cluster` with its API, control port and feeds, as its process has them. */
const withEdges = async (cluster: TestCluster, written: Record<string, unknown> = {}) => {
  const gateway = await cluster.gateway(written);
  const { context } = gateway.gateway;
  const stack = new AsyncDisposableStack();
  const feed = stack.use(await openFeeds(context));
  const token = { current: () => "token" };
  const control = stack.use(await serveControl(context, { ...at, token, feed, drain: () => undefined, everyMs: 100 }));
  const api = stack.use(await serveApi(context, { ...at, keys: { current: () => ({ one: "key" }) } }));
  return {
    ...gateway,
    context,
    controlPort: control.port,
    api: (what: string, body?: unknown) => call(api.port, what, { key: "key", body }),
    control: (what: string, body?: unknown) => call(control.port, what, { key: "token", body }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};

describe("the edges of gateways over real servers", () => {
  test("what the API of one gateway publishes reaches clients of both, once, and is in the history", async () => {
    await using cluster = testCluster();
    const history = [{ channels: ["lobby"], maxMessages: 10, ttlSeconds: 60 }];
    await using one = await withEdges(cluster, { history });
    await using two = await withEdges(cluster, { history });
    using here = await one.client();
    using there = await two.client();
    for (const client of [here, there]) await client.ask("subscribe", { channel: "lobby" });

    const body = { channel: "lobby", event: "news", data: { n: 1 }, id: "7" };
    expect(await one.api("POST /api/publish", body)).toEqual({ status: 200, body: { ok: true, id: "7" } });
    expect(await two.api("POST /api/publish", body)).toEqual({ status: 200, body: { ok: true, id: "7" } });
    await one.api("POST /api/publish", { broadcast: true, event: "last" });
    for (const client of [here, there]) {
      await eventually(() => expect(client.of("last")).toHaveLength(1));
      expect(client.of("news")).toEqual([{ n: 1 }]);
    }
    expect(await here.ask("history", { channel: "lobby", limit: 10 })).toMatchObject({ ok: true });
    expect(await one.context.store.history.last("lobby", 10)).toMatchObject([
      { id: "7", event: "news", args: [{ n: 1 }] },
    ]);
  });

  test("the server joins a user on another gateway to a channel, sees him there, throws him out and closes his connections", async () => {
    await using cluster = testCluster();
    await using one = await withEdges(cluster);
    await using two = await withEdges(cluster);
    using anna = await two.client();
    const [session] = await eventually(() => {
      const sessions = anna.of("session") as { user: string }[];
      expect(sessions).toHaveLength(1);
      return sessions;
    });
    const user = session?.user ?? "";
    expect((await one.api(`GET /api/users/${user}`)).body).toEqual({ ok: true, user, online: true, connections: 1 });

    await one.api(`PUT /api/users/${user}/channels/room%2F1`);
    await eventually(async () => {
      expect((await one.api("GET /api/channels/room%2F1")).body).toEqual({
        ok: true,
        channel: "room/1",
        users: [user],
      });
    });
    expect((await one.api("GET /api/channels")).body).toEqual({
      ok: true,
      channels: [{ channel: "room/1", connections: 1 }],
    });
    await one.api(`DELETE /api/users/${user}/channels/room%2F1`);
    await eventually(async () => {
      expect((await one.api("GET /api/channels/room%2F1")).body).toMatchObject({ users: [] });
    });
    await one.api(`DELETE /api/users/${user}/connections`);
    await eventually(() => expect(anna.socket.connected).toBe(false));
    await eventually(async () => {
      expect((await one.api(`GET /api/users/${user}`)).body).toMatchObject({ online: false, connections: 0 });
    });
  });

  test("a job by the API is taken once per id, runs, and is dead-lettered and put back", async () => {
    const pool = { ...poolOf("chat", ["chat:*"]), retry: { attempts: 1, backoffSeconds: 0.1, maxBackoffSeconds: 0.1 } };
    await using cluster = testCluster([pool]);
    await using one = await withEdges(cluster);
    const job = { event: "chat:message", payload: { text: "hi" }, id: "7" };
    const taken = { status: 202, body: { ok: true, id: "7", durable: true } };
    expect(await one.api("POST /api/jobs", job)).toEqual(taken);
    expect(await one.api("POST /api/jobs", job)).toEqual(taken);
    const depths = async () => (await one.api("GET /api/pools")).body;
    await eventually(async () => {
      expect(await depths()).toMatchObject({ pools: [{ pool: "chat", mode: "job", ready: 1, dead: 0 }] });
    });

    let runs = 0;
    await cluster.worker(pool, () => {
      runs += 1;
      if (runs === 1) throw new Error("it broke");
    });
    await eventually(async () => expect(await depths()).toMatchObject({ pools: [{ ready: 0, dead: 1 }] }));
    for (const letters of [await one.api("GET /api/pools/chat/dead"), await one.control("GET /dead/chat")])
      expect(letters.body).toMatchObject({
        letters: [{ reason: "failed", job: { id: "7", payload: { text: "hi" } } }],
      });
    expect((await one.api("POST /api/pools/chat/dead/redrive", { ids: ["7"] })).body).toEqual({ ok: true, count: 1 });
    await eventually(() => expect(runs).toBe(2));
    await eventually(async () => expect(await depths()).toMatchObject({ pools: [{ ready: 0, dead: 0 }] }));
  });

  test("a stream of one gateway tells of both", async () => {
    const pool = poolOf("chat", ["chat:*"]);
    await using cluster = testCluster([pool]);
    await using one = await withEdges(cluster);
    await using two = await withEdges(cluster);
    using client = await two.client();
    expect(client.socket.connected).toBe(true);
    const ending = new AbortController();
    const response = await fetch(`http://127.0.0.1:${one.controlPort}/signals`, {
      headers: { authorization: "Bearer token" },
      signal: ending.signal,
    });
    let text = "";
    let found: Snapshot | undefined;
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      found = lines.map((line) => snapshot.parse(JSON.parse(line))).find(({ gateways }) => gateways.length === 2);
      if (found !== undefined) break;
    }
    ending.abort();
    expect(found?.gateways.map(({ connections }) => connections)).toEqual([0, 1]);
    expect(found?.pools).toMatchObject([{ pool: "chat", ready: 0, unacked: 0, dead: 0 }]);
    expect(found?.servers).toEqual({ broker: true, adapter: true, store: true });
  });

  test("cluster events posted to one gateway reach subscribers of both once, and those who come later", async () => {
    await using cluster = testCluster();
    await using one = await withEdges(cluster);
    await using two = await withEdges(cluster);
    using anna = await two.client();
    await anna.ask("subscribe", { channel: "cluster" });
    const event: ClusterEvent = { at: 1, role: "worker", instance: "w0", what: "exited", message: "SIGKILL" };
    await one.control("POST /cluster-events", event);
    await eventually(() => expect(anna.of("cluster")).toEqual([event]));
    await two.control("POST /cluster-events", [event, { ...event, what: "ready" }]);
    await eventually(() => expect(anna.of("cluster")).toEqual([event, { ...event, what: "ready" }]));
    for (const gateway of [one, two]) {
      using late = await gateway.client();
      await late.ask("subscribe", { channel: "cluster" });
      await eventually(() => expect(late.of("cluster")).toEqual([event, { ...event, what: "ready" }]));
    }
  });

  test("jobs:<pool> shows the queue to who subscribes on any gateway, and each change of it", async () => {
    const pool = poolOf("chat", ["chat:*"]);
    await using cluster = testCluster([pool]);
    await using one = await withEdges(cluster);
    await using two = await withEdges(cluster);
    using anna = await one.client();
    using bob = await two.client();
    const empty = { pool: "chat", waiting: 0, queued: [], running: [], finished: [] };
    for (const client of [anna, bob]) {
      await client.ask("subscribe", { channel: "jobs:chat" });
      await eventually(() => expect(client.of("jobs").at(-1)).toEqual(empty));
    }
    const { ledger } = one.context.store;
    const entry = { id: "1", user: "anna", pool: "chat", event: "chat:slow", attempt: 1 } as const;
    await ledger.record([{ ...entry, state: "running", startedAt: Date.now(), progress: 0.5 }]);
    for (const client of [anna, bob])
      await eventually(() => {
        expect(client.of("jobs").at(-1)).toMatchObject({ running: [{ id: "1", user: "anna", progress: 0.5 }] });
      });
    await ledger.record([{ ...entry, state: "done", endedAt: Date.now(), result: "not for all" }]);
    using carl = await one.client();
    await carl.ask("subscribe", { channel: "jobs:chat" });
    await eventually(() => expect(carl.of("jobs").at(-1)).toMatchObject({ running: [], finished: [{ id: "1" }] }));
    expect(JSON.stringify(carl.heard)).not.toContain("not for all");
  });

  test("a revocation by the API ends the user's connections everywhere, and he cannot return with that token", async () => {
    await using cluster = testCluster();
    await using one = await withEdges(cluster, { auth: { anonymous: {} } });
    await using two = await withEdges(cluster, { auth: { anonymous: {} } });
    using anna = await two.client();
    const [session] = await eventually(() => {
      const sessions = anna.of("session") as { user: string; token: string }[];
      expect(sessions).toHaveLength(1);
      return sessions;
    });
    const before = Date.now() + 60_000;
    expect(await one.api("POST /api/revocations", { user: session?.user, before })).toMatchObject({ status: 200 });
    await eventually(() => expect(anna.socket.connected).toBe(false));
    await expect(two.client({ token: session?.token })).rejects.toMatchObject({ data: { code: "token_revoked" } });
  });
});
