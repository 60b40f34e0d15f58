import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { io as connect, type Socket } from "socket.io-client";
import { eventually, freePort, sharedServer, startServer } from "#testing";
import { neverTwice } from "./testing/balancers.ts";
import { startGateways, type GatewayProcess } from "./testing/gateways.ts";
import { frame, openRaw, openSession, requestText, upgradeText } from "./testing/raw.ts";

let stack: AsyncDisposableStack;
beforeEach(() => void (stack = new AsyncDisposableStack()));
afterEach(() => stack.disposeAsync());

const start = async (count: number, env: Record<string, string> = {}, redis?: string) =>
  stack.use(await startGateways(count, redis ?? (await sharedServer("redis")).uri, env));

const two = async (env: Record<string, string> = {}): Promise<[GatewayProcess, GatewayProcess]> => {
  const {
    all: [owner, other],
  } = await start(2, env);
  if (owner === undefined || other === undefined) throw new Error("two were asked for");
  return [owner, other];
};

const ask = async ({ ports }: GatewayProcess, sid: string, body?: string): Promise<string> => {
  using raw = await openRaw(
    ports.clients,
    requestText({
      query: `&sid=${sid}`,
      headers: ["Connection: close"],
      ...(body === undefined ? {} : { method: "POST", body }),
    }),
  );
  return await raw.ended;
};
const told = (socket: Socket, event: "connect" | "disconnect") =>
  new Promise<void>((resolve) => void socket.once(event, () => resolve()));
/** A session that has joined the main namespace, at `owner`. */
const join = async (owner: GatewayProcess): Promise<string> => {
  const sid = await openSession(owner.ports.clients);
  await ask(owner, sid, "40");
  expect(await ask(owner, sid)).toContain("40{");
  return sid;
};

describe("a gateway that is killed", () => {
  test("its sessions are unknown to the others at once, also to those who wait for an answer", async () => {
    const [owner, other] = await two({ PING_INTERVAL: "60000" });
    const [waits, comes] = [await join(owner), await join(owner)];
    const waiting = ask(other, waits);
    await eventually(async () => expect(await other.metric("realtime_gateway_carried_requests")).toBe(1));
    await owner.process.kill("SIGKILL");
    expect(await waiting).toContain('{"code":1,"message":"Session ID unknown"}');
    const began = performance.now();
    expect(await ask(other, comes)).toMatch(/^HTTP\/1.1 400 [^]*{"code":1,"message":"Session ID unknown"}/);
    expect(performance.now() - began).toBeLessThan(1000);
    using upgrade = await openRaw(other.ports.clients, upgradeText(`&sid=${comes}`));
    expect(await upgrade.ended).toMatch(/^HTTP\/1.1 400 [^]*Session ID unknown$/);
  });

  test("clients come back by themselves", async () => {
    const gateways = await start(3, { PING_INTERVAL: "300" });
    await using balancer = await neverTwice(gateways.ports());
    const socket = connect(balancer.url, { transports: ["polling"], forceNew: true, reconnectionDelay: 50 });
    try {
      await told(socket, "connect");
      const owner = await eventually(async () => {
        for (const gateway of gateways.all) if ((await gateway.metric("realtime_connections")) === 1) return gateway;
        throw new Error("nobody has it");
      });
      const gone = told(socket, "disconnect");
      await owner.process.kill("SIGKILL");
      await gone;
      await eventually(async () => expect(await socket.timeout(1000).emitWithAck("echo", "back")).toBe("back"), {
        timeoutMs: 30_000,
      });
    } finally {
      socket.disconnect();
    }
  });
});

describe("a gateway that comes", () => {
  test("its sessions are found at once, though no file names it yet", async () => {
    const gateways = await start(2);
    const late = await gateways.add({ listed: false });
    const sid = await join(late);
    for (const gateway of gateways.all) expect(await ask(gateway, sid, '420["echo",1]')).toContain("\r\n\r\nok");
  });
});

describe("a gateway that finds the others by DNS", () => {
  test("has met all that the name stands for when it is ready: here itself", async () => {
    const gateways = await start(0);
    const LINK_PORT = String(await freePort());
    const { process } = await gateways.add({ listed: false, env: { PEERS_HOST: "localhost", LINK_PORT } });
    expect(process.lines.join("\n")).toContain('"known":1,');
  });
});

describe("a gateway that is asked to go", () => {
  test("as owner: the others reach its sessions until each is closed", async () => {
    const [owner, other] = await two({ PING_INTERVAL: "60000" });
    const sid = await join(owner);
    owner.process.child.kill("SIGTERM");
    await eventually(() => expect(owner.process.lines.join()).toContain("stopping"));
    expect(await ask(other, sid)).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*1$/);
    expect(await owner.process.exited).toBe(0);
    expect(await ask(other, sid)).toContain("Session ID unknown");
  });

  test("as carrier: WebSockets are closed, polls end by themselves, and no upgrade is taken; sessions of polls live on", async () => {
    const [owner, other] = await two({ PING_INTERVAL: "3000" });
    const [upgraded, upgrades] = [await join(owner), await join(owner)];
    using socket = await openRaw(
      other.ports.clients,
      Buffer.concat([Buffer.from(upgradeText(`&sid=${upgraded}`)), frame("2probe"), frame("5")]),
    );
    await eventually(() => expect(socket.text()).toContain("3probe"));
    using keptAlive = await openRaw(other.ports.clients, requestText({ query: "&sid=nobody" }));
    const polls = await join(owner);
    using poll = await openRaw(other.ports.clients, requestText({ query: `&sid=${polls}` }));
    await eventually(async () => expect(await other.metric("realtime_gateway_carried_requests")).toBe(1));
    other.process.child.kill("SIGTERM");
    await socket.ended;
    keptAlive.socket.write(upgradeText(`&sid=${upgrades}`));
    expect(await keptAlive.ended).toContain("HTTP/1.1 503 Service Unavailable");
    expect(await poll.ended).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*\r\nConnection: close\r\n\r\n2$/);
    expect(await other.process.exited).toBe(0);
    expect(await ask(owner, polls, "3")).toContain("\r\n\r\nok");
  });
});

describe("the bus", () => {
  test("away: sessions go on, by polling and upgraded, and gateways find each other", async () => {
    await using redis = await startServer("redis");
    const gateways = await start(3, { PING_INTERVAL: "300" }, redis.uri);
    await using balancer = await neverTwice(gateways.ports());
    const options = { forceNew: true, reconnection: false };
    const sockets = [
      connect(balancer.url, { ...options, transports: ["polling"] }),
      connect(balancer.url, { ...options, transports: ["polling", "websocket"] }),
    ];
    const ended: unknown[] = [];
    let pings = 0;
    try {
      await Promise.all(sockets.map((socket) => told(socket, "connect")));
      for (const socket of sockets) {
        socket.on("disconnect", (reason) => ended.push(reason));
        socket.io.on("ping", () => (pings += 1));
      }
      await redis.kill();
      pings = 0;
      await eventually(() => expect(pings).toBeGreaterThan(20), { timeoutMs: 30_000 });
      const [first, second] = gateways.all;
      if (first === undefined || second === undefined) throw new Error("three were asked for");
      for (const socket of sockets) expect(await socket.timeout(5000).emitWithAck("echo", "here")).toBe("here");
      const sid = await openSession(first.ports.clients);
      expect(await ask(second, sid, "40")).toContain("\r\n\r\nok");
      await redis.start();
      for (const socket of sockets) expect(await socket.timeout(5000).emitWithAck("echo", "here")).toBe("here");
      expect(ended).toEqual([]);
    } finally {
      for (const socket of sockets) socket.disconnect();
    }
  });
});
