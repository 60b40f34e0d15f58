import { describe, expect, test } from "@jest/globals";
import { snapshot, type ClusterEvent } from "#crds";
import { eventually } from "#testing";
import { apiContext, exampleLetter } from "../testing/api-context.ts";
import { call } from "../testing/http.ts";
import { memoryBus } from "../testing/memory-bus.ts";
import { serveControl, type ControlContext } from "./index.ts";
import { createIntake } from "../signals/index.ts";
import { lineWriter } from "./lines.ts";

const TOKEN = "t1";

const open = async (over: Partial<ControlContext> = {}) => {
  const announced: ClusterEvent[] = [];
  const shed: unknown[] = [];
  const drains: boolean[] = [];
  let token = TOKEN;
  const bus = memoryBus();
  const { broker, ...api } = apiContext();
  const control = await serveControl(
    {
      ...api,
      bus,
      broker: () => {
        const it = broker();
        return it && { ...it, connected: () => true };
      },
      store: { connected: () => true },
      connections: () => 2,
      carried: () => 3,
      recoverable: () => 4,
      shedTotal: () => 5,
      shed: (order) => {
        shed.push(order);
        return true;
      },
      draining: () => false,
      membership: { members: () => [] },
      intake: createIntake(),
      ...over,
    },
    {
      host: "127.0.0.1",
      port: 0,
      token: { current: () => token },
      feed: { announce: (events) => void announced.push(...events) },
      drain: (isHurried) => void drains.push(isHurried),
      everyMs: 20,
    },
  );
  const ask = (what: string, body?: unknown, key = TOKEN) => call(control.port, what, { key, body });
  const stream = (signal: AbortSignal) =>
    fetch(`http://127.0.0.1:${control.port}/signals`, { headers: { authorization: `Bearer ${TOKEN}` }, signal });
  return {
    bus,
    announced,
    ask,
    stream,
    port: control.port,
    shed,
    drains,
    rotate: (to: string) => (token = to),
    [Symbol.asyncDispose]: () => control[Symbol.asyncDispose](),
  };
};

const event: ClusterEvent = { at: 1, role: "worker", instance: "chat-chat-0", pool: "chat", what: "ready" };

describe("the control port", () => {
  test("GET /signals is a line per snapshot while it is read, and asks nobody afterwards", async () => {
    await using opened = await open();
    const { bus, stream } = opened;
    const ending = new AbortController();
    const response = await stream(ending.signal);
    expect(response.headers.get("content-type")).toContain("application/x-ndjson");
    let text = "";
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      if (text.split("\n").length > 3) break;
    }
    ending.abort();
    const [first, second] = text.split("\n").map((line) => line !== "" && snapshot.parse(JSON.parse(line)));
    expect(first).toMatchObject({
      gateways: [{ node: "g1", connections: 2 }],
      pools: [
        { pool: "chat", ready: 3, unacked: 2, dead: 1 },
        { pool: "mail", ready: 3, unacked: 2, dead: 1 },
      ],
      servers: { broker: true, adapter: true, store: true },
    });
    expect(second).toMatchObject({ gateways: [{ node: "g1" }] });
    await eventually(() => expect(bus.listening("report:g1")).toBe(0));
  });

  test("it answers other gateways' requests for a report", async () => {
    await using opened = await open();
    const { bus } = opened;
    bus.publish("report", Buffer.from('{"node":"g2"}'));
    const report = { gateway: { node: "g1", connections: 2, carried: 3, recoverable: 4, shed: 5, draining: false } };
    expect(bus.published.at(-1)).toEqual({ topic: "report:g2", message: JSON.stringify(report) });
  });

  test("cluster events are taken one by one and as an array", async () => {
    await using opened = await open();
    const { ask, announced } = opened;
    expect(await ask("POST /cluster-events", event)).toEqual({ status: 202, body: { ok: true } });
    await ask("POST /cluster-events", [event, { ...event, what: "exited" }]);
    expect(announced).toEqual([event, event, { ...event, what: "exited" }]);
  });

  test("dead letters and their way back", async () => {
    await using opened = await open();
    const { ask } = opened;
    expect((await ask("GET /dead/chat?limit=1")).body).toEqual({ ok: true, letters: [exampleLetter("1")] });
    expect((await ask("POST /dead/chat/redrive")).body).toEqual({ ok: true, count: 2 });
    expect((await ask("POST /dead/chat/redrive", { ids: ["1"] })).body).toEqual({ ok: true, count: 1 });
  });

  test("a drain is begun, and hurried", async () => {
    await using opened = await open();
    const { ask, drains } = opened;
    expect(await ask("POST /drain")).toEqual({ status: 202, body: { ok: true } });
    expect(await ask("POST /drain", { hurry: true })).toEqual({ status: 202, body: { ok: true } });
    expect(drains).toEqual([false, true]);
  });

  test("a shedding is begun by the gateway that is named", async () => {
    await using opened = await open();
    const { ask, shed } = opened;
    const orders = ["g0", "g1"].map((node) => ({ node, sessions: 5, perSecond: 0.5 }));
    expect(await ask("POST /shed", orders)).toEqual({ status: 202, body: { ok: true, taken: true } });
    expect(await ask("POST /shed", orders.slice(0, 1))).toEqual({ status: 202, body: { ok: true, taken: false } });
    expect(shed).toEqual(orders.slice(1));
  });

  test("the token that is in the file now counts", async () => {
    await using opened = await open();
    const { ask, rotate } = opened;
    rotate("t2");
    expect(await ask("POST /drain")).toMatchObject({ status: 401 });
    expect(await ask("POST /drain", undefined, "t2")).toMatchObject({ status: 202 });
    rotate("");
    expect(await ask("POST /drain", undefined, "")).toMatchObject({ status: 401 });
  });

  const refusals: [string, string, unknown, string | undefined, string, Partial<ControlContext>][] = [
    ["signals without the token", "GET /signals", undefined, undefined, "unauthorized", {}],
    ["events with a wrong one", "POST /cluster-events", event, "wrong", "unauthorized", {}],
    ["what is no event", "POST /cluster-events", { ...event, what: "dances" }, TOKEN, "invalid_payload", {}],
    ["too many events", "POST /cluster-events", Array.from({ length: 101 }, () => event), TOKEN, "invalid_payload", {}],
    ["no event", "POST /cluster-events", undefined, TOKEN, "invalid_payload", {}],
    ["dead letters of no pool", "GET /dead/nosuch", undefined, TOKEN, "not_found", {}],
    ["a redrive of no pool", "POST /dead/nosuch/redrive", {}, TOKEN, "not_found", {}],
    ["a redrive of what are no ids", "POST /dead/chat/redrive", { ids: [1] }, TOKEN, "invalid_payload", {}],
    ["a shedding of none", "POST /shed", [{ node: "g1", sessions: 0, perSecond: 1 }], TOKEN, "invalid_payload", {}],
    ["one at no pace", "POST /shed", [{ node: "g1", sessions: 1, perSecond: 0 }], TOKEN, "invalid_payload", {}],
    ["one that names nobody", "POST /shed", { sessions: 1, perSecond: 1 }, TOKEN, "invalid_payload", {}],
    ["a drain that is no drain", "POST /drain", { hurry: "yes" }, TOKEN, "invalid_payload", {}],
    ["no broker yet", "GET /dead/chat", undefined, TOKEN, "broker_unavailable", { broker: () => undefined }],
    ["an unknown route", "GET /nothing", undefined, TOKEN, "not_found", {}],
  ];
  test.each(refusals)("refuses %s", async (_sentence, what, body, key, code, over) => {
    await using opened = await open(over);
    const { announced } = opened;
    expect((await call(opened.port, what, { key, body })).body).toMatchObject({ ok: false, error: { code } });
    expect(announced).toEqual([]);
  });

  test("disposing ends open streams at once", async () => {
    const opened = await open();
    const response = await opened.stream(new AbortController().signal);
    await opened[Symbol.asyncDispose]();
    await expect(response.text()).rejects.toThrow();
  });
});

describe("lines", () => {
  test("a reader that does not take them gets none until it does", () => {
    const written: string[] = [];
    const response = { writableNeedDrain: false, write: (text: string) => written.push(text) > 0 };
    const write = lineWriter(response);
    write({ n: 1 });
    response.writableNeedDrain = true;
    write({ n: 2 });
    response.writableNeedDrain = false;
    write({ n: 3 });
    expect(written).toEqual(['{"n":1}\n', '{"n":3}\n']);
  });
});
