import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { io as connect } from "socket.io-client";
import { eventually } from "#testing";
import { loadApp } from "./app.ts";
import { testCluster } from "./testing/cluster.ts";
import { poolOf } from "./testing/settings.ts";

const app = fileURLToPath(new URL("./testing/chat-app.ts", import.meta.url));
const path = { path: "/chat/" };

describe("an app of one's own", () => {
  test("runs unchanged: rooms across gateways, middlewares, namespaces, acks; and hears nothing that it did not ask for", async () => {
    await using cluster = testCluster();
    const [here, there] = [await cluster.gateway({ app }), await cluster.gateway({ app })];
    using anna = await here.client({ name: "anna" }, path);
    using ben = await there.client({ name: "ben", token: "the app's own" }, path);
    expect(await ben.ask("join", "room")).toEqual(expect.any(Number));
    expect(await anna.ask("say", "room", "hello")).toBe("ok");
    await eventually(() => expect(ben.heard).toEqual([["said", "anna", "hello"]]));
    expect(await anna.ask("subscribe", { channel: "x" })).toEqual({ mine: { channel: "x" } });
    anna.socket.emit("forbidden");
    anna.socket.emit("nobody listens to this");
    await eventually(() => expect(anna.heard).toEqual([["problem", "not that"]]));
    await expect(here.client({ token: "bad" }, path)).rejects.toThrow("who are you");
    const admin = connect(`http://127.0.0.1:${here.gateway.port}/admin`, {
      ...path,
      transports: ["websocket"],
      forceNew: true,
    });
    try {
      expect(await admin.emitWithAck("count")).toBe(1);
    } finally {
      admin.disconnect();
    }
    anna.socket.disconnect();
    await eventually(() => expect(ben.heard.at(-1)).toEqual(["left", "anna"]));
    await eventually(async () => expect((await here.store.presence.nodes()).length).toBe(1));
  });

  test("its clients in other namespaces are sent away by a drain, too, one by one", async () => {
    await using cluster = testCluster();
    const gateway = await cluster.gateway({ app });
    await cluster.gateway({ app });
    using anna = await gateway.client({ name: "anna" }, path);
    const admin = connect(`http://127.0.0.1:${gateway.gateway.port}/admin`, {
      ...path,
      transports: ["websocket"],
      forceNew: true,
      reconnection: false,
    });
    try {
      expect(await admin.emitWithAck("count")).toBe(1);
      await gateway.gateway.drain();
      await eventually(() => expect([anna.socket.connected, admin.connected]).toEqual([false, false]));
      expect(await gateway.metric("realtime_gateway_drained_total")).toBe(2);
    } finally {
      admin.disconnect();
    }
  });

  test("gives pools what matches them, and has our events and our auth where it says so", async () => {
    const pool = poolOf("jobs", ["work:*"]);
    await using cluster = testCluster([pool]);
    await cluster.worker(pool, (job) => ({ did: job.payload }));
    const gateway = await cluster.gateway({ app, reservedEvents: true });
    using anna = await gateway.client({}, path);
    expect(await anna.ask("work:a", 1)).toMatchObject({ ok: true, durable: true });
    await eventually(() => expect(anna.of("job:done")).toMatchObject([{ result: { did: 1 } }]));
    expect(await anna.ask("subscribe", { channel: "x" })).toEqual({ ok: true });
    expect(await anna.ask("join", "room")).toEqual(expect.any(Number));

    const guarded = await cluster.gateway({ app, auth: { jwt: { secretRef: { name: "a", key: "b" } } } });
    const error: unknown = await guarded.client({}, path).catch((it: unknown) => it);
    expect(error).toMatchObject({ data: { code: "unauthorized" } });
  });

  test("that cannot be loaded is named", async () => {
    await expect(loadApp("/nowhere/app.ts")).rejects.toThrow(/^gateway.app: \/nowhere\/app.ts: /);
    await expect(loadApp(fileURLToPath(new URL("./gauges.ts", import.meta.url)))).rejects.toThrow("export default");
  });
});
