import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { Server } from "socket.io";
import { silentLog, type ServerSettings } from "#process";
import { eventually, startGuardedRedis, startRedisCluster, startSentinels, type RedisSet } from "#testing";
import { adapterSuite } from "../suite.ts";
import { testCluster } from "../testing/cluster.ts";
import { openRedisDelivery } from "./index.ts";

describe("deliveries over a Redis Cluster", () => {
  adapterSuite({
    driver: "redis",
    shared: startRedisCluster,
    mortal: async () => {
      const set = await startRedisCluster();
      const all = async (action: "kill" | "start") => {
        await Promise.all(set.nodes.map((node) => node[action]()));
      };
      return {
        uri: set.uri,
        kill: () => all("kill"),
        start: () => all("start"),
        [Symbol.asyncDispose]: () => set[Symbol.asyncDispose](),
      };
    },
    promises: { roomwise: true, namesMissing: true, json: false },
  });
});

const dropped = (metrics: string): number =>
  [...metrics.matchAll(/^realtime_bus_dropped_total\{.*\} (\d+)$/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );

/** One master after the other is killed, each when the replica of the one before has taken over: nobody can stay where he is. */
const killMasters = async ({ nodes }: RedisSet): Promise<void> => {
  for (const [index, node] of nodes.slice(0, nodes.length / 2).entries()) {
    await node.kill();
    const replica = nodes[nodes.length / 2 + index];
    await eventually(async () => expect(String(await replica?.call("INFO", "replication"))).toMatch("role:master"), {
      timeoutMs: 30_000,
      everyMs: 100,
    });
  }
};

describe("masters killed under load", () => {
  test.each<[string, () => Promise<RedisSet>]>([
    ["that Sentinels watch", startSentinels],
    ["of a Redis Cluster", startRedisCluster],
  ])("%s: deliveries go on by themselves, and what was dropped is counted", async (_which, start) => {
    await using set = await start();
    await using cluster = testCluster("redis", set.uri);
    const [one, two] = await Promise.all([cluster.gateway(), cluster.gateway()]);
    using ben = await two.client("ben", ["room"]);
    let last = 0;
    const say = async () => {
      last += 1;
      await one.ask("emit", { rooms: ["room"], event: "n", args: [last] });
    };
    for (let index = 0; index < 50; index += 1) await say();
    await eventually(() => expect(ben.heard.at(-1)).toEqual(["n", 50]));

    const killed = killMasters(set);
    const over = new AbortController();
    killed.finally(() => over.abort()).catch(() => {});
    while (!over.signal.aborted) await say();
    await killed;
    await eventually(
      async () => {
        await say();
        await eventually(() => expect(ben.heard).toContainEqual(["n", last]), { timeoutMs: 500 });
      },
      { timeoutMs: 30_000 },
    );

    const numbers = ben.heard.map(([, number]) => Number(number));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    const [lost, counted] = [last - new Set(numbers).size, dropped(String(await one.ask("metrics")))];
    const [, missed] = /^realtime_bus_interruptions_total (\d+)$/m.exec(String(await two.ask("metrics"))) ?? [];
    expect({ lost, isTold: lost <= counted || Number(missed) > 0 }).toEqual({ lost, isTold: true });
  });
});

describe("a user with the rights of the page on operations, over TLS", () => {
  test("publishes and hears what a gateway does, and nothing else", async () => {
    const page = await readFile(join(import.meta.dirname, "../../docs/operations.md"), "utf8");
    const [, rule = ""] = /^ACL SETUSER realtime on >password (.+)$/m.exec(page) ?? [];
    await using guarded = await startGuardedRedis(rule.replaceAll("'", "").split(" "));
    const settings: () => Promise<ServerSettings> = guarded.settings;
    const open = () =>
      openRedisDelivery({ cluster: "chat", node: "one-1", settings, log: silentLog(), registry: new Registry() });
    await using one = await open();
    await using two = await open();
    one.attach(new Server());
    await one.ready();
    const heard: unknown[] = [];
    await two.bus.subscribe("topic", (message) => heard.push(Buffer.from(message).toString()));
    await two.listener.listen("lobby", (event, args) => heard.push([event, ...args]));
    one.emitter().to("lobby").emit("hello", 1);
    one.bus.publish("topic", Buffer.from("x"));
    await eventually(() => expect(heard).toEqual([["hello", 1], "x"]));
    const said = await guarded.server.call("ACL", "DRYRUN", "realtime", "FLUSHALL").catch((error: unknown) => error);
    expect(String(said)).toMatch(/no permissions|has no permissions/);
  });
});
