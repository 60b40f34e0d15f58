import { describe, expect, test } from "@jest/globals";
import { apiContext, exampleLetter } from "../testing/api-context.ts";
import { call } from "../testing/http.ts";
import { serveApi, type ApiContext } from "./index.ts";

const KEY = "k1";

const open = async (over: Partial<ApiContext> = {}) => {
  const said: unknown[] = [];
  const keys: Record<string, string> = { one: KEY };
  const context = apiContext(said, over);
  const api = await serveApi(context, { host: "127.0.0.1", port: 0, keys: { current: () => keys } });
  const ask = (what: string, body?: unknown, key = KEY) => call(api.port, what, { key, body });
  return { said, keys, ask, context, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() };
};

const nothing = apiContext();

describe("the HTTP API", () => {
  const publishes: [string, object, unknown[]][] = [
    [
      "to a channel, and into its history",
      { channel: "lobby", event: "news", data: { a: 1 }, id: "7" },
      [
        ["channel lobby", "news", { a: 1 }],
        ["remember", "lobby", { id: "7", event: "news", args: [{ a: 1 }], at: 1000 }],
      ],
    ],
    ["to a user", { user: "ann", event: "news", data: null, id: "7" }, [["user ann", "news", null]]],
    ["to everyone", { broadcast: true, event: "news", data: [1], id: "7" }, [["everyone", "news", [1]]]],
    ["without data", { user: "ann", event: "news", id: "7" }, [["user ann", "news"]]],
    [
      "an event that a pool takes from clients",
      { user: "ann", event: "chat:message", id: "7" },
      [["user ann", "chat:message"]],
    ],
  ];
  test.each(publishes)("publishes %s", async (_sentence, body, then) => {
    await using opened = await open();
    const { said, ask } = opened;
    expect(await ask("POST /api/publish", body)).toEqual({ status: 200, body: { ok: true, id: "7" } });
    expect(said).toEqual(then);
  });

  test("a publish of the same id is answered as before and sent once; without an id each is sent", async () => {
    await using opened = await open();
    const { said, ask } = opened;
    const body = { user: "ann", event: "news", id: "a/b" };
    const first = await ask("POST /api/publish", body);
    expect(await ask("POST /api/publish", body)).toEqual(first);
    expect(said).toHaveLength(1);
    const other = { user: "ann", event: "news" };
    const answers = [await ask("POST /api/publish", other), await ask("POST /api/publish", other)];
    expect(said).toHaveLength(3);
    expect(new Set(answers.map(({ body: answer }) => JSON.stringify(answer))).size).toBe(2);
  });

  test("without the store it publishes, and says that a repeat would be sent again, and what the history lacks", async () => {
    const away = () => Promise.reject(new Error("away"));
    await using opened = await open({
      store: { ...nothing.store, ids: { ...nothing.store.ids, begin: away } },
      remember: away,
    });
    const { said, ask } = opened;
    const body = { channel: "lobby", event: "news", id: "7" };
    expect(await ask("POST /api/publish", body)).toEqual({
      status: 200,
      body: { ok: true, id: "7", deduplicated: false, remembered: false },
    });
    expect(said).toHaveLength(1);
  });

  test("a publish that could not be sent is not taken for one that was", async () => {
    let connected = false;
    const { delivery } = nothing;
    await using opened = await open({ delivery: { ...delivery, bus: { connected: () => connected } } });
    const { ask } = opened;
    const body = { user: "ann", event: "news", id: "7" };
    expect(await ask("POST /api/publish", body)).toMatchObject({ status: 503 });
    connected = true;
    expect(await ask("POST /api/publish", body)).toEqual({ status: 200, body: { ok: true, id: "7" } });
  });

  test("a job is handed in with its user and id", async () => {
    const submitted: unknown[] = [];
    await using opened = await open({
      submit: async (submission) => {
        submitted.push(submission);
        return { ok: true, id: "7", durable: true };
      },
    });
    const { ask } = opened;
    const body = { event: "chat:message", payload: { text: "hi" }, user: "ann", id: "7" };
    expect(await ask("POST /api/jobs", body)).toEqual({ status: 202, body: { ok: true, id: "7", durable: true } });
    expect(submitted).toEqual([body]);
  });

  test("binary in a handler's answer is told as base64", async () => {
    await using opened = await open({ submit: async () => ({ ok: true, result: { bytes: Buffer.from("hi") } }) });
    const { body } = await opened.ask("POST /api/jobs", { event: "ask" });
    expect(body).toEqual({ ok: true, result: { bytes: { $binary: "aGk=" } } });
  });

  test("a job is found by its user and id", async () => {
    const job = {
      id: "a/b",
      user: "ann",
      pool: "chat",
      event: "chat:message",
      state: "done",
      attempt: 1,
      result: 5,
    } as const;
    const get: ApiContext["store"]["ledger"]["get"] = async (user, id) =>
      user === "ann" && id === "a/b" ? job : undefined;
    await using opened = await open({ store: { ...nothing.store, ledger: { get } } });
    const { ask } = opened;
    expect(await ask("GET /api/jobs/a%2Fb?user=ann")).toEqual({ status: 200, body: { ok: true, job } });
    expect(await ask("GET /api/jobs/a%2Fb")).toMatchObject({ status: 404 });
  });

  test("channels, and who is in them and here", async () => {
    await using opened = await open({
      store: {
        ...nothing.store,
        presence: {
          channels: async () => [{ channel: "lobby", connections: 2 }],
          users: async (channel) => (channel === "lobby" ? ["ann", "bob"] : []),
          connections: async (user) => (user === "ann" ? [{ node: "g1", socket: "s1" }] : []),
        },
      },
    });
    const { ask } = opened;
    const bodyOf = async (what: string) => (await ask(what)).body;
    expect(await bodyOf("GET /api/channels")).toEqual({ ok: true, channels: [{ channel: "lobby", connections: 2 }] });
    expect(await bodyOf("GET /api/channels/lobby")).toEqual({ ok: true, channel: "lobby", users: ["ann", "bob"] });
    expect(await bodyOf("GET /api/channels/empty")).toEqual({ ok: true, channel: "empty", users: [] });
    expect(await bodyOf("GET /api/users/ann")).toEqual({ ok: true, user: "ann", online: true, connections: 1 });
    expect(await bodyOf("GET /api/users/bob")).toEqual({ ok: true, user: "bob", online: false, connections: 0 });
  });

  const acts: [string, unknown, number, unknown[]][] = [
    ["PUT /api/users/ann/channels/room%2F1", undefined, 202, ["join", "ann", "room/1"]],
    ["DELETE /api/users/ann/channels/lobby", undefined, 202, ["leave", "ann", "lobby"]],
    ["DELETE /api/users/ann%40example.com/connections", undefined, 202, ["disconnect", "ann@example.com"]],
    ["POST /api/revocations", { jti: "t1", ttlSeconds: 60 }, 200, ["revoke", { jti: "t1" }, 60]],
    ["POST /api/revocations", { user: "ann", before: 5 }, 200, ["revoke", { user: "ann", before: 5 }, 31_536_000]],
    ["POST /api/revocations", { user: "ann" }, 200, ["revoke", { user: "ann", before: 1000 }, 31_536_000]],
  ];
  test.each(acts)("%s %j", async (what, body, status, then) => {
    await using opened = await open();
    const { said, ask } = opened;
    expect(await ask(what, body)).toEqual({ status, body: { ok: true } });
    expect(said).toEqual([then]);
  });

  test("pools with their depths, dead letters, and their way back", async () => {
    await using opened = await open();
    const { ask } = opened;
    const numbers = { mode: "job", ready: 3, unacked: 2, dead: 1 };
    const pools = [
      { pool: "chat", ...numbers },
      { pool: "mail", ...numbers },
    ];
    expect((await ask("GET /api/pools")).body).toEqual({ ok: true, pools });
    expect((await ask("GET /api/pools/chat/dead?limit=1")).body).toEqual({ ok: true, letters: [exampleLetter("1")] });
    expect((await ask("POST /api/pools/chat/dead/redrive")).body).toEqual({ ok: true, count: 2 });
    expect((await ask("POST /api/pools/chat/dead/redrive", { ids: ["1"] })).body).toEqual({ ok: true, count: 1 });
  });

  test("a key that is added opens, one that is removed does not", async () => {
    await using opened = await open();
    const { keys, ask } = opened;
    expect(await ask("GET /api/channels", undefined, "k2")).toMatchObject({ status: 401 });
    keys["two"] = "k2";
    delete keys["one"];
    expect(await ask("GET /api/channels", undefined, "k2")).toMatchObject({ status: 200 });
    expect(await ask("GET /api/channels")).toMatchObject({ status: 401 });
  });

  test("requests are counted by route and status, refusals by code", async () => {
    await using opened = await open();
    const { ask, context } = opened;
    await ask("GET /api/jobs/1");
    await ask("GET /api/jobs/2");
    await ask("GET /api/channels");
    await ask("GET /api/somewhere/else");
    await ask("GET /api/channels", undefined, "wrong");
    const metrics = await context.registry.metrics();
    expect(metrics).toContain('realtime_http_requests_total{route="GET /api/jobs/:id",status="404"} 2');
    expect(metrics).toContain('realtime_http_requests_total{route="GET /api/channels",status="200"} 1');
    expect(metrics).toContain('realtime_http_requests_total{route="GET /api/channels",status="401"} 1');
    expect(metrics).toContain('realtime_http_requests_total{route="unknown",status="404"} 1');
    expect(metrics).toContain('realtime_refusals_total{code="not_found",level="http"} 3');
  });
});
