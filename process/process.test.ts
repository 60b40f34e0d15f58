import { mkdtemp, mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { z } from "zod";
import {
  backoffMs,
  counter,
  gauge,
  keepTrying,
  Misconfigured,
  readEnvironment,
  mongoAddress,
  readServerSettings,
  settingsOf,
  silentLog,
  watchDirectory,
  watchJson,
  type ReadyMessage,
} from "#process";
import { eventually, spawnNode } from "#testing";

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "process-"));
});
afterAll(() => rm(directory, { recursive: true }));

const ENV = { CLUSTER: "c", INSTANCE: "echo-0", PROBE_PORT: "0" };
const script = join(import.meta.dirname, "testing/echo.ts");

const started = async (env: Record<string, string> = ENV) => {
  const child = spawnNode(script, env);
  const ready = await eventually(() => {
    const message = child.messages[0] as ReadyMessage | undefined;
    if (message === undefined) throw new Error(child.lines.join("\n") || "not ready");
    return message;
  });
  return { child, ready, probe: (path: string) => fetch(`http://127.0.0.1:${ready.ports["probes"]}${path}`) };
};

describe("a process", () => {
  test("tells its supervisor when it is ready, answers probes, and closes in reverse order on SIGTERM", async () => {
    const { child, ready, probe } = await started();
    expect(ready.ports).toMatchObject({ clients: 1234 });
    expect((await probe("/healthz")).status).toBe(200);
    expect((await probe("/readyz")).status).toBe(200);
    expect(await (await probe("/metrics")).text()).toContain("process_cpu_seconds_total");
    child.send({});
    await eventually(async () => {
      const response = await probe("/readyz");
      expect([response.status, await response.text()]).toEqual([503, "the server is away"]);
    });
    await child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    const order = child.lines
      .map((line) => (JSON.parse(line) as { msg: string }).msg)
      .filter((message) => message.startsWith("closed"));
    expect(order).toEqual(["closed last", "closed first"]);
  });

  test("whose start fails says so and exits with 1", async () => {
    const child = spawnNode(script, { ...ENV, FAIL: "no such file" });
    expect(await child.exited).toBe(1);
    expect(child.lines.join()).toContain("no such file");
  });

  test("names every variable that is wrong", () => {
    const schema = z.object({ A: z.string(), B: z.coerce.number() });
    expect(() => readEnvironment(schema, { B: "x" })).toThrow(/A: .*; B: /);
  });

  test("exits at once at the second signal", async () => {
    const { child } = await started({ ...ENV, SLOW: "1" });
    child.child.kill("SIGTERM");
    await eventually(() => expect(child.lines.join()).toContain("stopping"));
    child.child.kill("SIGTERM");
    expect(await child.exited).toBe(1);
  });

  test("hurries at SIGINT, also where it is stopping already, and tells its supervisor once that it leaves", async () => {
    const { child } = await started({ ...ENV, PATIENT: "1" });
    child.child.kill("SIGTERM");
    await eventually(() => expect(child.lines.join()).toContain("stopping"));
    expect(child.messages.slice(1)).toEqual([{ type: "leaving" }]);
    child.child.kill("SIGINT");
    expect(await child.exited).toBe(0);
    expect(child.messages.slice(1)).toEqual([{ type: "leaving" }]);
  });

  test("stops when its supervisor is gone", async () => {
    const { child } = await started();
    child.child.disconnect();
    expect(await child.exited).toBe(0);
  });

  test("ends when its supervisor went while it was being loaded", async () => {
    const child = spawnNode(script, { ...ENV, HANG: "on" });
    child.child.disconnect();
    expect([0, 1]).toContain(await child.exited);
  });
});

describe("what a process cannot do without", () => {
  const waiting = () => {
    const checks: (() => string | undefined)[] = [];
    return {
      reasons: () => checks.map((check) => check()),
      options: {
        log: silentLog(),
        readiness: (check: () => string | undefined) => checks.push(check),
        random: () => 0,
      },
    };
  };

  test("is opened again and again, is on /readyz meanwhile, and counts on in the same registry", async () => {
    const { reasons, options } = waiting();
    const registry = new Registry();
    const seen: unknown[] = [];
    const open = async () => {
      counter(registry, { name: "opened_total", help: "Times" }).inc();
      gauge(registry, { name: "open", help: "Now" }).set(1);
      seen.push(reasons());
      if (seen.length < 3) throw new Error("away");
      return "it";
    };
    expect(await keepTrying("the store", open, options)).toBe("it");
    expect([seen, reasons()]).toEqual([[1, 2, 3].map(() => ["waiting for the store"]), [undefined]]);
    expect((await registry.getSingleMetric("opened_total")?.get())?.values).toMatchObject([{ value: 3 }]);
  });

  test("is not waited for where that does not exist", async () => {
    const open = () => Promise.reject(new Misconfigured("not served"));
    await expect(keepTrying("the store", open, waiting().options)).rejects.toThrow("not served");
  });
});

describe("watching", () => {
  const options = { log: silentLog(), everyMs: 10 };

  test("a JSON file is read again when it changes, and a broken one keeps the last value", async () => {
    const file = join(directory, "config.json");
    await writeFile(file, '{"n":1}');
    using config = await watchJson(file, z.object({ n: z.number() }), options);
    const seen: number[] = [];
    config.onChange(({ n }) => seen.push(n));
    await writeFile(`${file}.new`, '{"n":');
    await rename(`${file}.new`, file);
    await writeFile(`${file}.new`, '{"n":2}');
    await rename(`${file}.new`, file);
    await eventually(() => expect(seen).toEqual([2]));
    expect(config.current()).toEqual({ n: 2 });
  });

  test("a mounted Secret is swapped by a symlink and found", async () => {
    const [one, two, link] = ["one", "two", "link"].map((name) => join(directory, name)) as [string, string, string];
    for (const [at, key] of [
      [one, "a"],
      [two, "b"],
    ] as const) {
      await mkdir(at);
      await writeFile(join(at, "password"), `${key}\n`);
    }
    await symlink(one, link);
    using secret = await watchDirectory(link, options);
    expect(secret.current()).toEqual({ password: "a" });
    await symlink(two, `${link}.new`);
    await rename(`${link}.new`, link);
    await eventually(() => expect(secret.current()).toEqual({ password: "b" }));
  });

  test("a value that is not there at the start is an error", async () => {
    await expect(watchJson(join(directory, "none.json"), z.object({}), options)).rejects.toThrow("ENOENT");
  });
});

describe("a server's directory", () => {
  test.each([
    [{ uri: "amqp://a:b@rabbit:1/vhost" }, "amqp://a:b@rabbit:1/vhost"],
    [{ host: "rabbit" }, "amqp://rabbit:5672"],
    [{ host: "rabbit", username: "me", password: "p@ss/word", port: "1" }, "amqp://me:p%40ss%2Fword@rabbit:1"],
    [{ host: "rabbit", "ca.crt": "PEM" }, "amqps://rabbit:5672"],
    [{ host: "one, two", port: "7" }, "amqp://one:7,two:7"],
  ])("%j", async (keys, uri) => {
    const at = await mkdtemp(join(directory, "server-"));
    for (const [name, value] of Object.entries(keys)) await writeFile(join(at, name), value);
    expect((await readServerSettings("rabbitmq", at)).uri).toBe(uri);
  });

  test.each([
    [{ uri: "mongodb://a,b/chat?replicaSet=rs0" }, "mongodb://a,b/chat?replicaSet=rs0", "chat", {}],
    [{ uri: "mongodb+srv://h/?tls=true" }, "mongodb+srv://h/?tls=true", "realtime", {}],
    [{ host: "h", "ca.crt": "PEM" }, "mongodb://h:27017/", "realtime", { tls: true, ca: "PEM" }],
    [
      { host: "h", port: "1", username: "me", password: "p@ss", database: "chat" },
      "mongodb://me:p%40ss@h:1/chat",
      "chat",
      {},
    ],
  ])("of MongoDB: %j", async (keys, uri, database, tls) => {
    const at = await mkdtemp(join(directory, "server-"));
    for (const [name, value] of Object.entries(keys)) await writeFile(join(at, name), value);
    expect(mongoAddress(await readServerSettings("mongo", at))).toEqual({ uri, database, tls });
  });

  test("without an address names the keys that would do", async () => {
    const at = await mkdtemp(join(directory, "server-"));
    await expect(readServerSettings("redis", at)).rejects.toThrow(/neither uri nor host/);
  });

  test("is named where it is missing", () => {
    expect(() => settingsOf("zeromq", { REDIS_DIR: "/redis" })).toThrow("HUB_DIR is not set, but zeromq is used");
  });
});

describe("the wait after a failure", () => {
  test.each([
    ["is at least half of the first", 1, 0, 250],
    ["doubles", 3, 1, 2000],
    ["is jittered by half", 3, 0, 1000],
    ["has an end", 1000, 1, 10_000],
  ])("%s", (_sentence, failures, random, expected) =>
    expect(backoffMs(failures, { minMs: 500, maxMs: 10_000 }, () => random)).toBe(expected),
  );
});
