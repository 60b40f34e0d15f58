import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { Misconfigured, silentLog } from "#process";
import { eventually, makeCertificate, startRedisCluster, startRedisProcess, startSentinels } from "#testing";
import { connectRedis } from "./index.ts";

const connect = (uri: string, { key, firstMs = 10_000 }: { key?: string; firstMs?: number } = {}) =>
  connectRedis({ settings: async () => ({ uri }), log: silentLog(), name: "test", key, firstMs });

type Connection = Awaited<ReturnType<typeof connect>>;

const write = (connection: Connection, key: string) => {
  const redis = connection.current();
  if (redis === undefined) throw new Error("redis is away");
  return redis.set(key, "x");
};
/** Until it works again. What is refused meanwhile is what an outage costs. */
const writes = (connection: Connection, key = "{k}") =>
  eventually(() => write(connection, key), { timeoutMs: 30_000, everyMs: 50 });

describe("a connection to Redis", () => {
  test("to one that is not there rejects in time and says why", async () => {
    const started = performance.now();
    const refused = await connect("redis://127.0.0.1:1", { firstMs: 500 }).catch((error: unknown) => error);
    expect(performance.now() - started).toBeLessThan(3000);
    expect(String(refused)).toMatch("redis did not answer within 0.5 s");
    expect(refused).toMatchObject({ cause: { message: "no connection to redis at 127.0.0.1:1" } });
  });

  test("goes on by itself when Redis was killed, and refuses at once while it is away", async () => {
    await using server = await startRedisProcess();
    await using connection = await connect(`redis://127.0.0.1:${server.port}`);
    const seen: string[] = [];
    connection.onUp(() => seen.push("up"));
    connection.onDown(() => seen.push("down"));
    await server.kill();
    await eventually(() => expect(connection.current()).toBeUndefined());
    await server.start();
    await writes(connection);
    expect(seen).toEqual(["up", "down", "up"]);
  });

  test("follows the master that Sentinel names", async () => {
    await using set = await startSentinels();
    await using connection = await connect(set.uri);
    await writes(connection);
    const before = await set.master();
    await before.kill();
    await writes(connection);
    expect(await set.master()).not.toBe(before);
    // What comes back is a replica: nobody writes to it.
    await before.start();
    await eventually(async () => expect(String(await before.call("INFO", "replication"))).toMatch("role:slave"), {
      timeoutMs: 30_000,
    });
    await writes(connection);
  });

  test("to a master's name that no Sentinel knows says so", async () => {
    await using set = await startSentinels();
    const refused = await connect(set.uri.replace(/main$/, "other"), { firstMs: 300 }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ cause: { message: 'Sentinel knows no master "other"' } });
  });

  test("to a Cluster is at the master that holds the key, also after that one was killed", async () => {
    await using set = await startRedisCluster();
    await using connection = await connect(set.uri, { key: "{k}" });
    await writes(connection);
    const before = await set.master("{k}");
    expect(connection.current()?.options.port).toBe(before.port);
    await before.kill();
    await writes(connection);
    expect(connection.current()?.options.port).not.toBe(before.port);
  });

  test("to a Cluster knows more nodes than it was told, and changes to another when one goes", async () => {
    await using set = await startRedisCluster();
    const [first] = set.nodes;
    await using connection = await connect(`redis://127.0.0.1:${first?.port}/?cluster=true`);
    await first?.kill();
    await eventually(() => expect(connection.isReady()).toBe(false));
    await eventually(() => expect(set.nodes.map(({ port }) => port)).toContain(connection.current()?.options.port), {
      timeoutMs: 15_000,
    });
    expect(connection.current()?.options.port).not.toBe(first?.port);
  });

  test("to a Cluster's node as if it were a single one is refused, with the way out", async () => {
    await using server = await startRedisProcess({ args: () => ["--cluster-enabled", "yes"] });
    const refused = await connect(`redis://127.0.0.1:${server.port}`).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Misconfigured);
    expect(String(refused)).toMatch("append ?cluster=true");
  });

  test("with TLS wants the authority's certificate, and takes a new one without a new start", async () => {
    const directory = await mkdtemp(join(tmpdir(), "realtime-test-tls-"));
    const { cert, key } = makeCertificate(directory);
    await using server = await startRedisProcess({
      args: (port) => [
        "--port",
        "0",
        "--tls-port",
        String(port),
        "--tls-cert-file",
        cert,
        "--tls-key-file",
        key,
        "--tls-auth-clients",
        "no",
      ],
      client: { tls: { rejectUnauthorized: false } },
    });
    const uri = `rediss://127.0.0.1:${server.port}`;
    const wrong = await connect(uri, { firstMs: 300 }).catch((error: unknown) => error);
    expect(wrong).toMatchObject({ cause: { cause: { message: expect.stringMatching(/self.signed/) } } });

    const settings = async () => ({ uri, ca: await readFile(cert, "utf8") });
    await using connection = await connectRedis({ settings, log: silentLog(), name: "test" });
    await writes(connection);
    await server.kill();
    makeCertificate(directory);
    await server.start();
    await writes(connection);
  });

  test("finds a new password at its next connect", async () => {
    await using server = await startRedisProcess({ args: () => ["--requirepass", "one"], client: { password: "one" } });
    let password = "one";
    const settings = async () => ({ uri: `redis://:${password}@127.0.0.1:${server.port}` });
    await using connection = await connectRedis({ settings, log: silentLog(), name: "test" });
    await server.call("CONFIG", "SET", "requirepass", "two");
    password = "two";
    connection.current()?.stream.destroy();
    await eventually(() => expect(connection.current()).toBeUndefined());
    await writes(connection);
  });
});
