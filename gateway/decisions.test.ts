import { describe, expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import type { Bus } from "#adapter";
import { silentLog } from "#process";
import { eventually } from "#testing";
import { grantsOfClaims } from "./auth/grants.ts";
import { startSweep } from "./auth/sweep.ts";
import { originAllowed } from "./connections/admit.ts";
import type { Connections } from "./connections/connection.ts";
import { fullBucket, spend } from "./connections/rate.ts";
import { socketOptions } from "./listener.ts";
import { repairs } from "./lifecycle/presence-feed.ts";
import { absentees } from "./lifecycle/reaper.ts";
import { createRefusals } from "./refusals.ts";
import { createAckGate } from "./routing/ack-gate.ts";
import { newJobId } from "./routing/job-ids.ts";
import { orderKey } from "./routing/order-key.ts";
import { checkPayload } from "./routing/payload-size.ts";
import { createRequests } from "./routing/requests.ts";
import { compileRoutes } from "./routing/routes.ts";
import { poolOf, settingsOf } from "./testing/settings.ts";

const bus: Bus = {
  publish: () => undefined,
  subscribe: () => Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() }),
  connected: () => true,
};

describe("a route", () => {
  const route = compileRoutes([
    poolOf("all", ["*"]),
    poolOf("chat", ["chat:*", "hello"]),
    poolOf("rooms", ["chat:room:*"]),
    poolOf("one", ["chat:room:1"]),
    poolOf("audit", ["chat:*"], { mode: "copy" }),
  ]);
  test.each([
    ["chat:room:1", "one", ["audit"]],
    ["chat:room:2", "rooms", ["audit"]],
    ["chat:a", "chat", ["audit"]],
    ["hello", "chat", []],
    ["__proto__", "all", []],
  ])("of %s leads to %s and, as copies, to %j", (event, pool, copies) => {
    for (const _ of [1, 2]) {
      const found = route(event);
      expect([found.pool?.name, found.copies.map(({ name }) => name)]).toEqual([pool, copies]);
    }
  });
  test("of what no pool takes leads nowhere", () => {
    expect(compileRoutes([])("a")).toEqual({ pool: undefined, copies: [] });
  });
});

test.each([
  ["none", "anna", { a: 1 }, undefined],
  ["user", "anna", { user: "ben" }, "anna"],
  ["user", undefined, {}, undefined],
  ["order.id", "anna", { order: { id: 7 } }, "7"],
  ["order.id", "anna", { order: "x" }, undefined],
  ["constructor.name", "anna", {}, undefined],
  ["a", "anna", null, undefined],
  ["a", "anna", { a: "x".repeat(1000) }, "x".repeat(512)],
])("orderBy %s for %s of %j is %s", (orderBy, user, payload, key) => {
  expect(orderKey(orderBy, user, payload)).toBe(key);
});

test.each([
  [{}, { read: [], write: [], join: [], events: [] }],
  [
    { channels: "all", events: "*" },
    { read: [], write: [], join: [], events: [] },
  ],
  [
    { channels: { read: ["a"], write: "a" }, events: ["b"] },
    { read: ["a"], write: [], join: [], events: ["b"] },
  ],
])("claims %j grant %j", (claims, grants) => {
  expect(grantsOfClaims(claims)).toEqual(grants);
});

test.each([
  [undefined, "https://a", true],
  [["https://a"], undefined, true],
  [["https://a"], "https://a", true],
  [["https://a"], "https://a.evil", false],
  [["*"], "https://b", true],
])("of origins %j, %s: %s", (origins, origin, allowed) => {
  expect(originAllowed(origins, origin)).toBe(allowed);
});

describe("the rate of a connection", () => {
  test("is so many a second, with a burst of as many again", () => {
    const bucket = fullBucket(10, 0);
    const at = (now: number, count: number) =>
      Array.from({ length: count }, () => spend(bucket, 10, now)).filter((it) => it === "taken").length;
    expect([at(0, 30), at(500, 30), at(10_000, 30)]).toEqual([20, 5, 20]);
  });
  test("ten times over for long ends it, once", () => {
    const bucket = fullBucket(100, 0);
    const seen = new Set<string>();
    let floods = 0;
    for (let n = 0; n < 40_000; n += 1) {
      const spent = spend(bucket, 100, n / 10);
      seen.add(spent);
      if (spent === "flood") floods += 1;
    }
    expect([seen.has("flood"), seen.has("cut"), floods]).toEqual([true, true, 1]);
  });
});

test("what a node holds in the store and what it has are made equal by the least", () => {
  const at = (socket: string, channels: string[]) => ({ socket, user: "anna", channels });
  const [gone, kept, wider, fresh] = [at("1", ["a"]), at("2", ["a", "b"]), at("2", ["b", "c"]), at("3", ["a"])];
  expect(repairs([gone, kept], [wider, fresh])).toEqual({
    gone: ["1"],
    left: [[kept, "a"]],
    missing: [fresh],
    entered: [
      [wider, "c"],
      [fresh, "a"],
    ],
  });
});

test("a node is absent once it has been no member for 20 s", () => {
  const since = new Map<string, number>();
  const look = (now: number, members: string[]) =>
    absentees(
      ["a", "b"],
      members.map((node) => ({ node })),
      since,
      now,
    );
  expect(look(0, ["a"])).toEqual([]);
  expect(look(19_000, ["a"])).toEqual([]);
  expect(look(20_000, ["a"])).toEqual(["b"]);
  expect(look(21_000, ["a", "b"])).toEqual([]);
  expect(look(39_000, ["a"])).toEqual([]);
});

test("what is about a job waits for the ack of the socket that sent it, and for no other", () => {
  const gate = createAckGate();
  const delivered: string[] = [];
  expect([gate.owe("j", "s"), gate.owe("j", "t")]).toEqual([true, false]);
  expect(gate.hold("j", (socket) => delivered.push(socket))).toBe("s");
  gate.paid("j", "t", () => delivered.push("another's ack"));
  expect(delivered.splice(0)).toEqual(["another's ack"]);
  expect(gate.isPaying("s")).toBe(false);
  gate.paid("j", "s", () => expect(gate.isPaying("s")).toBe(true));
  expect(gate.isPaying("s")).toBe(false);
  expect([delivered, gate.hold("j", () => undefined), gate.size()]).toEqual([["s"], undefined, 0]);
});

describe("with an app of one's own", () => {
  const door = { refusing: () => false, arrived: () => undefined };
  test("only the limits that are written hold, also where they are the defaults", () => {
    const limits = { eventsPerSecond: 50 };
    expect(settingsOf({ limits }).limits).toMatchObject({ eventsPerSecond: 50, payloadBytes: 100_000 });
    expect(settingsOf({ limits, app: "/app.ts" }).limits).toEqual(limits);
  });

  test("its own options hold but for what the file says", () => {
    const own = { pingInterval: 1000, path: "/own/", perMessageDeflate: true };
    const options = (written: Record<string, unknown>) => socketOptions(settingsOf(written), own, door);
    expect(options({ app: "/app.ts", options: { path: "/file/" } })).toEqual({
      pingInterval: 1000,
      path: "/file/",
      perMessageDeflate: true,
      allowRequest: expect.any(Function),
    });
    expect(socketOptions(settingsOf(), {}, door)).toMatchObject({ pingInterval: 25_000, path: "/socket.io/" });
  });
});

describe("requests that wait", () => {
  test("are told when their own time is over, the others not", async () => {
    let now = 0;
    await using requests = await createRequests({ bus, node: "n", log: silentLog(), clock: () => now });
    const ended: string[] = [];
    for (const [key, ms] of [
      ["long", 1000],
      ["short", 10],
      ["forgotten", 10],
    ] as const)
      requests.ask(key, ms, (answer) => ended.push(`${key} ${typeof answer}`));
    requests.forget("forgotten");
    now = 10;
    await eventually(() => expect(ended).toEqual(["short undefined"]));
    expect(requests.size()).toBe(1);
    now = 1000;
    await eventually(() => expect(ended).toEqual(["short undefined", "long undefined"]));
  });

  test("are so many at most, and one of each id", async () => {
    await using requests = await createRequests({ bus, node: "n", log: silentLog(), clock: () => 0, maxWaiting: 2 });
    const ask = (key: string) => () => requests.ask(key, 1000, () => undefined);
    ask("a")();
    expect(ask("a")).toThrow(expect.objectContaining({ code: "id_conflict" }));
    ask("b")();
    expect(ask("c")).toThrow(expect.objectContaining({ code: "queue_full" }));
  });
});

test("a connection that was revoked while it was let in is ended", async () => {
  const connections: Connections = new Map();
  const refusals = createRefusals(new Registry());
  let now = 0;
  await using sweep = await startSweep({ bus, connections, refusals, clock: () => now, log: silentLog(), everyMs: 5 });
  const said: unknown[] = [];
  const late = Object({
    identity: { user: "ann", issuedAt: 1, jti: undefined, expiresAt: undefined },
    socket: { emit: (...it: unknown[]) => said.push(it), disconnect: (close: boolean) => said.push(close) },
  });
  expect(sweep.check(late)).toBe(false);
  sweep.revoke({ user: "ann", before: 2 });
  expect(sweep.check(late)).toBe(true);
  expect(said).toEqual([["refused", expect.objectContaining({ event: null })], true]);
  now = 60_000;
  await eventually(() => expect(sweep.check(late)).toBe(false));
});

test.each<[string, unknown, number, string | undefined]>([
  ["as long as allowed", "äöü", 8, undefined],
  ["a byte longer", "äöü", 7, "payload_too_large"],
  ["binary as base64", Buffer.alloc(30), 40, "payload_too_large"],
  ["no JSON", [1n], 100, "invalid_payload"],
])("a payload %s", (_what, payload, limit, code) => {
  const check = () => checkPayload(payload, limit);
  if (code === undefined) expect(check).not.toThrow();
  else expect(check).toThrow(expect.objectContaining({ code }));
});

test("ids sort by time", () => {
  const ids = [1, 255, 1e12, 1.7e12].map((now) => newJobId(now));
  expect(ids).toEqual([...ids].sort());
  expect(ids[3]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
