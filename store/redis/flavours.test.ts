import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { silentLog, type ServerSettings } from "#process";
import { startGuardedRedis, startRedisCluster, type RedisProcess } from "#testing";
import { describeStore } from "../suite.ts";
import { openRedisStore } from "./index.ts";

interface Flavour extends AsyncDisposable {
  settings: () => Promise<ServerSettings>;
  nodes: readonly RedisProcess[];
}

/** The suite on a server that is started once; an outage is all of its processes killed. */
const describeFlavour = (name: string, start: () => Promise<Flavour>): void => {
  let started: Promise<Flavour> | undefined;
  const flavour = () => (started ??= start());
  const open = async (cluster: string, node = "node") => {
    const { settings } = await flavour();
    return openRedisStore({ cluster, node, settings, log: silentLog(), registry: new Registry() }, { beatMs: 200 });
  };
  const all = async (action: "kill" | "start") => {
    await Promise.all((await flavour()).nodes.map((node) => node[action]()));
  };
  describeStore(name, {
    open,
    server: async () => ({
      open,
      kill: () => all("kill"),
      start: () => all("start"),
      [Symbol.asyncDispose]: async () => {},
    }),
    dispose: async () => (await flavour())[Symbol.asyncDispose](),
  });
};

/** As docs/operations.md has them, for any cluster's name. */
const rights = async (): Promise<string[]> => {
  const page = await readFile(join(import.meta.dirname, "../../docs/operations.md"), "utf8");
  const [, rule = ""] = /^ACL SETUSER realtime on >password (.+)$/m.exec(page) ?? [];
  return rule.replaceAll("{chat}", "{*}").replaceAll(":chat:", ":*:").replaceAll("'", "").split(" ");
};

describeFlavour("redis, a Cluster", async () => {
  const set = await startRedisCluster();
  return {
    settings: async () => ({ uri: set.uri }),
    nodes: set.nodes,
    [Symbol.asyncDispose]: () => set[Symbol.asyncDispose](),
  };
});
describeFlavour("redis with TLS and a user who has the rights of the page on operations", async () => {
  const guarded = await startGuardedRedis(await rights());
  return {
    settings: guarded.settings,
    nodes: [guarded.server],
    [Symbol.asyncDispose]: () => guarded[Symbol.asyncDispose](),
  };
});

test("the page on operations has the rights of a user", async () => {
  expect(await rights()).toContain("resetchannels");
});
