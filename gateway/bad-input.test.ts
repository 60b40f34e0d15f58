import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { WebSocket } from "ws";
import { eventually } from "#testing";
import { testCluster, type TestCluster, type TestGateway } from "./testing/cluster.ts";
import { poolOf } from "./testing/settings.ts";

const pool = poolOf("chat", ["chat:*", "job:*"]);
const refused = (code: string) => ({ ok: false, error: { code, message: expect.any(String) } });
const NESTED = "[".repeat(20_000) + "]".repeat(20_000);

/** Speaks socket.io by hand: what a well-behaved client never sends. */
const raw = async ({ gateway }: TestGateway, frames: (string | Buffer)[]) => {
  const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/socket.io/?EIO=4&transport=websocket`);
  const heard: string[] = [];
  const closed = new Promise<number>((resolve) => void socket.on("close", resolve));
  socket.on("error", () => undefined);
  socket.on("message", (data) => heard.push(data instanceof Buffer ? data.toString() : ""));
  socket.on("open", () => socket.send("40"));
  await eventually(() => expect(heard.some((frame) => frame.startsWith("40"))).toBe(true));
  for (const frame of frames) socket.send(frame);
  return { socket, heard, closed };
};

describe("bad input", () => {
  let shared: { cluster: TestCluster; gateway: TestGateway };
  beforeAll(async () => {
    const cluster = testCluster([pool]);
    shared = { cluster, gateway: await cluster.gateway() };
  });
  afterAll(async () => {
    await shared.cluster[Symbol.asyncDispose]();
  });

  test.each([
    ["an event that nobody takes", ["nobody", {}], "unknown_event"],
    ["no name", ["", {}], "unknown_event"],
    ["__proto__", ["__proto__", {}], "unknown_event"],
    ["constructor", ["constructor", {}], "unknown_event"],
    ["toString", ["toString"], "unknown_event"],
    ["error", ["error", {}], "unknown_event"],
    ["a very long name", [`chat:${"x".repeat(300)}`], "unknown_event"],
    ["job:done to a pool that takes job:*", ["job:done", { id: "1" }], "reserved_event"],
    ["a lifecycle event", ["$connected", {}], "reserved_event"],
    ["session", ["session", {}], "reserved_event"],
    ["two payloads", ["chat:a", 1, 2], "invalid_payload"],
    ["three arguments", ["chat:a", 1, { id: "a" }, 2], "invalid_payload"],
    ["another option", ["chat:a", 1, { id: "a", priority: 1 }], "invalid_payload"],
    ["an id that is a number", ["chat:a", 1, { id: 1 }], "invalid_payload"],
    ["an empty id", ["chat:a", 1, { id: "" }], "invalid_payload"],
    ["a long id", ["chat:a", 1, { id: "x".repeat(129) }], "invalid_payload"],
    ["an id of the gateway's", ["chat:a", 1, { id: "$disconnected:x" }], "invalid_payload"],
    ["200 kB", ["chat:a", "x".repeat(200_000)], "payload_too_large"],
    ["200 kB of binary", ["chat:a", Buffer.alloc(200_000)], "payload_too_large"],
    ["200 kB to publish", ["publish", { channel: "a", event: "x", data: "x".repeat(200_000) }], "payload_too_large"],
    ["subscribe to nothing", ["subscribe"], "invalid_payload"],
    ["subscribe to a number", ["subscribe", { channel: 1 }], "invalid_payload"],
    ["subscribe to text", ["subscribe", "lobby"], "invalid_payload"],
    ["subscribe twice at once", ["subscribe", { channel: "a" }, { channel: "b" }], "invalid_payload"],
    ["publish as the gateway", ["publish", { channel: "a", event: "job:done", data: {} }], "reserved_event"],
    ["publish as a handler", ["publish", { channel: "a", event: "chat:message", data: {} }], "reserved_event"],
    ["publish as socket.io", ["publish", { channel: "a", event: "disconnect" }], "reserved_event"],
    ["publish a lifecycle event", ["publish", { channel: "a", event: "$vacated" }], "reserved_event"],
    ["history of too much", ["history", { channel: "a", limit: 1e9 }], "invalid_payload"],
    ["the status of another's job", ["job:status", { id: "another's" }], "not_found"],
    ["the status of an object", ["job:status", { id: {} }], "invalid_payload"],
    ["auth:refresh with nothing", ["auth:refresh"], "invalid_payload"],
  ] as [string, [string, ...unknown[]], string][])("%s", async (_, [event, ...args], code) => {
    const { gateway } = shared;
    const count = (level: string) => gateway.metric("realtime_refusals_total", { code, level });
    const before = [await count("ack"), await count("event")] as const;
    using anna = await gateway.client();
    expect(await anna.ask(event, ...args)).toEqual(refused(code));
    anna.socket.emit(event, ...args);
    await eventually(() =>
      expect(anna.of("refused")).toEqual([{ event, error: { code, message: expect.any(String) } }]),
    );
    expect([await count("ack"), await count("event")]).toEqual([before[0] + 1, before[1] + 1]);
    expect(await anna.ask("subscribe", { channel: "lobby" })).toEqual({ ok: true });
  });

  test.each([
    ["connect", ['42["connect"]']],
    ["disconnect", ['42["disconnect",{}]']],
    ["newListener", ['42["newListener",{}]']],
    ["no JSON", ["42[,"]],
    ["no array", ['42{"a":1}']],
    ["no packet", ["4z"]],
    ["binary out of nowhere", [Buffer.from([1, 2, 3])]],
    ["too many attachments", ['451000-["chat:a"]']],
    ["10 MB", [`42["chat:a","${"x".repeat(10_000_000)}"]`], "payload too large"],
  ] as [string, (string | Buffer)[], string?][])(
    "what the parser or the size limit rejects closes that connection: %s",
    async (_, frames, reason = "parse error") => {
      const { gateway } = shared;
      using anna = await gateway.client();
      const before = await gateway.metric("realtime_disconnects_total", { reason });
      const { closed } = await raw(gateway, frames);
      await closed;
      await eventually(async () =>
        expect(await gateway.metric("realtime_disconnects_total", { reason })).toBe(before + 1),
      );
      expect(await anna.ask("subscribe", { channel: "lobby" })).toEqual({ ok: true });
    },
  );

  test.each([
    ["a number for a name", '42[1,{"a":1}]'],
    ["an ack for nothing", '437["x"]'],
    ["__proto__ in the payload", '421["chat:a",{"__proto__":{"polluted":true},"constructor":{"prototype":{}}}]'],
  ])("%s harms nobody", async (_, frame) => {
    const { gateway } = shared;
    const { socket, heard } = await raw(gateway, [frame, '422["subscribe",{"channel":"lobby"}]']);
    await eventually(() => expect(heard).toContain('432[{"ok":true}]'));
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
    socket.close();
  });

  test("many CONNECTs over one transport close it, and leave nothing", async () => {
    await using cluster = testCluster();
    const gateway = await cluster.gateway();
    const socket = new WebSocket(`ws://127.0.0.1:${gateway.gateway.port}/socket.io/?EIO=4&transport=websocket`);
    socket.on("open", () => {
      for (let n = 0; n < 100; n += 1) socket.send("40");
    });
    await new Promise((resolve) => void socket.on("close", resolve));
    expect(await gateway.metric("realtime_refusals_total", { level: "close" })).not.toBe(0);
    const { sockets, _preConnectSockets } = Object(gateway.gateway.context.io.of("/"));
    await eventually(async () => {
      expect([sockets.size, _preConnectSockets.size]).toEqual([0, 0]);
      for (const name of ["connections", "presence_underway"])
        expect([name, await gateway.metric(`realtime_${name}`)]).toEqual([name, 0]);
    });
  });

  test("who disconnects has to come back over a new transport", async () => {
    const { closed } = await raw(shared.gateway, ["41"]);
    await closed;
  });

  test("an array nested without end is refused", async () => {
    const { socket, heard } = await raw(shared.gateway, [`421["chat:a",${NESTED}]`]);
    await eventually(() => expect(heard.find((frame) => frame.startsWith("431"))).toContain("invalid_payload"));
    socket.close();
  });

  test("no payload is a payload of null", async () => {
    await using cluster = testCluster([pool]);
    const seen: unknown[] = [];
    await cluster.worker(pool, (job) => seen.push(job.payload));
    const gateway = await cluster.gateway();
    using anna = await gateway.client();
    expect(await anna.ask("chat:a")).toMatchObject({ ok: true });
    await eventually(() => expect(seen).toEqual([null]));
  });

  test("10,000 subscribes at once are answered, most of them with rate_limited, then with too_many_rooms", async () => {
    await using cluster = testCluster();
    let now = Date.now();
    const gateway = await cluster.gateway({ limits: { roomsPerConnection: 150 } }, { clock: () => now });
    using anna = await gateway.client();
    const ask = async (count: number) => {
      const answers = await Promise.all(
        Array.from({ length: count }, (_, n) => anna.ask("subscribe", { channel: `room:${now}:${n}` })),
      );
      const codes = answers.map((it) => (it as { error?: { code: string } }).error?.code ?? "ok");
      return (code: string) => codes.filter((it) => it === code).length;
    };
    const first = await ask(10_000);
    expect([first("ok"), first("rate_limited")]).toEqual([100, 9900]);
    now += 10_000;
    const second = await ask(100);
    expect([second("ok"), second("too_many_rooms")]).toEqual([50, 50]);
    expect(await gateway.metric("realtime_local_channels")).toBe(150);
    anna.socket.disconnect();
    await eventually(async () => expect(await gateway.metric("realtime_local_channels")).toBe(0));
  });

  test("who floods for long is cut off", async () => {
    await using cluster = testCluster();
    const gateway = await cluster.gateway({}, { clock: () => 1 });
    using anna = await gateway.client();
    for (let n = 0; n < 21_000; n += 1) anna.socket.emit("subscribe", {});
    await eventually(() => expect(anna.socket.connected).toBe(false));
    expect(await gateway.metric("realtime_refusals_total", { level: "close" })).toBe(1);
  });
});
