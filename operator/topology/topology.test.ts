import { describe, expect, test } from "@jest/globals";
import { clusterOf } from "../testing.ts";
import type { EnvValue } from "./model.ts";
import { topology } from "./topology.ts";

const laptop = (spec: object = {}) => topology(clusterOf(spec), { managedAs: "hub" });
const role = (spec: object, name: string) => {
  const found = laptop(spec).roles.find((it) => it.name === name);
  if (found === undefined) throw new Error(`no role ${name}`);
  return found;
};
const pool = (rest: object = {}) => ({ name: "a", events: ["a:*"], ...rest });
const external = { secretRef: { name: "mine" } };

describe("which server carries what", () => {
  const hub: Record<string, EnvValue> = {
    ADAPTER: "zeromq",
    BROKER: "zeromq",
    STORE: "hub",
    HUB_DIR: { server: "hub" },
  };
  const cases: [string, object, Record<string, EnvValue>, string[]][] = [
    ["nothing is said", {}, hub, ["hub"]],
    ["everything is managed", { adapter: { type: "redis" }, broker: { type: "rabbitmq" } }, hub, ["hub"]],
    ["everything is zeromq", { adapter: { type: "zeromq" }, broker: { type: "zeromq" } }, hub, ["hub"]],
    [
      "redis is external",
      { servers: { redis: external } },
      {
        ADAPTER: "redis",
        BROKER: "zeromq",
        STORE: "redis",
        HUB_DIR: { server: "hub" },
        REDIS_DIR: { server: "redis", ofSecret: "mine" },
      },
      ["hub", "redis"],
    ],
    [
      "all are external",
      { servers: { redis: external, rabbitmq: external } },
      {
        ADAPTER: "redis",
        BROKER: "rabbitmq",
        STORE: "redis",
        REDIS_DIR: { server: "redis", ofSecret: "mine" },
        RABBITMQ_DIR: { server: "rabbitmq", ofSecret: "mine" },
      },
      ["rabbitmq", "redis"],
    ],
    [
      "MongoDB is the store",
      { store: { type: "mongo" }, servers: { mongo: external } },
      {
        ADAPTER: "zeromq",
        BROKER: "zeromq",
        STORE: "mongo",
        HUB_DIR: { server: "hub" },
        MONGO_DIR: { server: "mongo", ofSecret: "mine" },
      },
      ["hub", "mongo"],
    ],
    [
      "MongoDB is the adapter, and by that the store",
      { adapter: { type: "mongo" }, servers: { mongo: external } },
      {
        ADAPTER: "mongo",
        BROKER: "zeromq",
        STORE: "mongo",
        HUB_DIR: { server: "hub" },
        MONGO_DIR: { server: "mongo", ofSecret: "mine" },
      },
      ["hub", "mongo"],
    ],
    ["RabbitMQ is the adapter and managed", { adapter: { type: "rabbitmq" } }, hub, ["hub"]],
    [
      "an external RabbitMQ is the adapter",
      { adapter: { type: "rabbitmq" }, servers: { rabbitmq: external } },
      {
        ADAPTER: "rabbitmq",
        BROKER: "rabbitmq",
        STORE: "hub",
        HUB_DIR: { server: "hub" },
        RABBITMQ_DIR: { server: "rabbitmq", ofSecret: "mine" },
      },
      ["hub", "rabbitmq"],
    ],
  ];
  test.each(cases)("on a laptop, %s", (_given, spec, env, servers) => {
    const plan = laptop(spec);
    expect(plan.servers.map(({ name }) => name)).toEqual(servers);
    const gateway = plan.roles.find(({ name }) => name === "gateway");
    expect(gateway?.env).toMatchObject(env);
    expect(plan.roles.some(({ name }) => name === "hub")).toBe("HUB_DIR" in env);
  });

  test("elsewhere, managed servers are their own", () => {
    const plan = topology(clusterOf({ workers: [pool()] }), {
      managedAs: "server",
      release: { version: "1.2.3", image: "realtime:1.2.3" },
    });
    expect(plan.servers).toEqual([
      { name: "rabbitmq", isUsed: true },
      { name: "redis", isUsed: true },
    ]);
    expect(plan.roles.map(({ name }) => name)).toEqual(["gateway", "worker-a"]);
    expect(plan.roles[0]?.env).toMatchObject({ ADAPTER: "redis", BROKER: "rabbitmq", STORE: "redis" });
  });
});

test("a managed RabbitMQ runs without a pool where it is the adapter", () => {
  const plan = topology(clusterOf({ adapter: { type: "rabbitmq" }, broker: { type: "zeromq" } }), {
    managedAs: "server",
    release: { version: "1.2.3", image: "realtime:1.2.3" },
  });
  expect(plan.servers).toEqual([
    { name: "hub", isUsed: true },
    { name: "rabbitmq", isUsed: true },
  ]);
  expect(plan.roles.find(({ name }) => name === "gateway")?.env).toMatchObject({
    ADAPTER: "rabbitmq",
    BROKER: "zeromq",
    STORE: "hub",
  });
});

test("with recovery, all that says something to clients is told to say it in the log, and how long that is", () => {
  const spec = { gateway: { recovery: { maxMessages: 7, maxBytes: "1Ki" } }, workers: [pool()] };
  for (const name of ["gateway", "worker-a"])
    expect(role(spec, name).env).toMatchObject({ RECOVERY: '{"maxMessages":7,"maxBytes":1024}' });
  expect(role({ workers: [pool()] }, "worker-a").env).not.toHaveProperty("RECOVERY");
});

describe("what a change restarts", () => {
  const hashes = (spec: object) => Object.fromEntries(laptop(spec).roles.map((it) => [it.name, it.configHash]));
  const base = { workers: [pool()] };
  const cases: [string, object, string[]][] = [
    ["nothing, for another pool", { workers: [pool(), { name: "b", events: ["b:*"] }] }, []],
    ["nothing, for another count", { workers: [pool({ replicas: 7 })], gateway: { replicas: 5 } }, []],
    ["nothing, for autoscaling", { workers: [pool({ autoscaling: { maxReplicas: 3 } })] }, []],
    ["the pool, for its handlers", { workers: [pool({ handlers: "./other.ts" })] }, ["worker-a"]],
    ["the pool, for its concurrency", { workers: [pool({ concurrency: 3 })] }, ["worker-a"]],
    ["the pool, for its environment", { workers: [pool({ env: [{ name: "A", value: "1" }] })] }, ["worker-a"]],
    ["the gateways, for their limits", { ...base, gateway: { limits: { eventsPerSecond: 9 } } }, ["gateway"]],
    ["gateways and pools, for another server", { ...base, servers: { redis: external } }, ["gateway", "worker-a"]],
  ];
  test.each(cases)("%s", (_then, spec, restarted) => {
    const before = hashes(base);
    const after = hashes(spec);
    expect(Object.keys(before).filter((name) => after[name] !== before[name])).toEqual(restarted);
  });
  test("gateways and pools, for another Secret of the same server", () => {
    const one = hashes({ servers: { redis: { secretRef: { name: "one" } } } });
    const two = hashes({ servers: { redis: { secretRef: { name: "two" } } } });
    expect(one["gateway"]).not.toBe(two["gateway"]);
  });
});

test("pools are in the live configuration, without what is no process's business", () => {
  expect(laptop({ workers: [pool({ replicas: 2, image: "x" })] }).liveConfig.pools).toEqual([
    {
      name: "a",
      events: ["a:*"],
      mode: "job",
      orderBy: "none",
      concurrency: 20,
      timeoutSeconds: 30,
      retry: { attempts: 5, backoffSeconds: 1, maxBackoffSeconds: 60 },
    },
  ]);
});

test("the order in which roles start, and what they wait for", () => {
  const plan = laptop({ workers: [pool()] });
  expect(plan.roles.map(({ name, needs }) => [name, needs])).toEqual([
    ["hub", []],
    ["gateway", ["hub"]],
    ["worker-a", ["hub"]],
    ["entry", []],
  ]);
});

describe("the gateway's keys", () => {
  test.each([
    ["no API", {}, undefined],
    ["an API whose key is made", { api: {} }, { generated: "api-keys" }],
    ["an API with keys of the user", { api: { keysSecretRef: { name: "k" } } }, { secretDir: "k" }],
  ])("%s", (_given, gateway, expected) => {
    const { env } = role({ gateway }, "gateway");
    expect(env["API_KEYS_DIR"]).toEqual(expected);
    expect("API_PORT" in env).toBe(expected !== undefined);
  });
  test("a shared secret is a path", () => {
    const jwt = { secretRef: { name: "s", key: "jwt" } };
    expect(role({ gateway: { auth: { jwt } } }, "gateway").env["JWT_SECRET_FILE"]).toEqual({ secret: "s", key: "jwt" });
  });
});
