import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { randomBytes } from "node:crypto";
import { io as connect } from "socket.io-client";
import { eventually, freePort, sharedServer, spawnNode, startServer } from "#testing";
import { poolOf, settingsOf } from "./testing/settings.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

let at = "";
beforeEach(async () => {
  at = await mkdtemp(join(tmpdir(), "gateway-"));
});
afterEach(() => rm(at, { recursive: true }));

const environment = async (uris: { redis?: string; rabbitmq?: string } = {}): Promise<Record<string, string>> => {
  for (const server of ["redis", "rabbitmq"] as const) {
    await mkdir(join(at, server));
    await writeFile(join(at, server, "uri"), uris[server] ?? (await sharedServer(server)).uri);
  }
  await mkdir(join(at, "keys"));
  await mkdir(join(at, "public"));
  await writeFile(join(at, "keys", "default"), "the-API-key");
  await writeFile(join(at, "public", "index.html"), "<h1>chat</h1>");
  await writeFile(join(at, "session"), "the session key of this test");
  await writeFile(join(at, "control"), "the control token");
  await writeFile(join(at, "config.json"), '{"pools":[]}');
  return {
    CLUSTER: `t${randomBytes(4).toString("hex")}`,
    INSTANCE: "gateway-0",
    PROBE_PORT: "0",
    HOST: "127.0.0.1",
    ADAPTER: "redis",
    BROKER: "rabbitmq",
    STORE: "redis",
    REDIS_DIR: join(at, "redis"),
    RABBITMQ_DIR: join(at, "rabbitmq"),
    CONFIG_FILE: join(at, "config.json"),
    GATEWAY: JSON.stringify(settingsOf({ public: join(at, "public") })),
    PORT: "0",
    API_PORT: "0",
    API_KEYS_DIR: join(at, "keys"),
    CONTROL_PORT: "0",
    CONTROL_TOKEN_FILE: join(at, "control"),
    SESSION_KEY_FILE: join(at, "session"),
  };
};

describe("a gateway's process", () => {
  test("serves clients, files, the API and the control port; takes new pools from its file; drains on SIGTERM", async () => {
    await using child = spawnNode(MAIN, await environment());
    const ports = await eventually(() => {
      const [message] = child.messages as { ports: Record<string, number> }[];
      if (message === undefined) throw new Error(child.lines.join("\n"));
      return message.ports;
    });
    const get = (port: string, path: string, key?: string) =>
      fetch(
        `http://127.0.0.1:${ports[port]}${path}`,
        key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } },
      );
    expect(await (await get("clients", "/")).text()).toBe("<h1>chat</h1>");
    expect((await get("clients", "/socket.io/socket.io.js")).status).toBe(200);
    expect((await get("api", "/api/channels")).status).toBe(401);
    expect((await get("api", "/api/channels", "the-API-key")).status).toBe(200);
    expect((await get("control", "/signals")).status).toBe(401);
    expect((await get("probes", "/readyz")).status).toBe(200);

    const socket = connect(`http://127.0.0.1:${ports["clients"]}`, { transports: ["websocket"], reconnection: false });
    try {
      expect(await socket.emitWithAck("chat:a", 1)).toMatchObject({ error: { code: "unknown_event" } });
      await writeFile(join(at, "new.json"), JSON.stringify({ pools: [poolOf("chat", ["chat:*"])] }));
      await rename(join(at, "new.json"), join(at, "config.json"));
      await eventually(async () =>
        expect(await socket.emitWithAck("chat:a", 1)).toMatchObject({ ok: true, durable: true }),
      );
      expect(await (await get("probes", "/metrics")).text()).toContain('realtime_events_total{pool="chat",mode="job"}');
      const closed = new Promise<string>((resolve) => void socket.once("disconnect", resolve));
      child.child.kill("SIGTERM");
      expect(await closed).toBe("transport close");
      expect(await child.exited).toBe(0);
    } finally {
      socket.disconnect();
    }
  });

  test("waits for a server that is away at its start, and says for which", async () => {
    await using redis = await startServer("redis");
    await redis.kill();
    const port = await freePort();
    await using child = spawnNode(MAIN, { ...(await environment({ redis: redis.uri })), PROBE_PORT: String(port) });
    const readyz = async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).text();
    await eventually(async () =>
      expect((await readyz()).split("\n")).toEqual([
        "starting",
        "waiting for the adapter, redis",
        "waiting for the store, redis",
      ]),
    );
    await eventually(() => expect(child.lines.join()).toContain("cannot be reached yet"), { timeoutMs: 30_000 });
    await redis.start();
    await eventually(async () => expect(await readyz()).toBe("ok"), { timeoutMs: 30_000 });
    await eventually(() => expect(child.messages).toHaveLength(1));
  });
});
