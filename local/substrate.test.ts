import { connect } from "node:net";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { parseRealtimeCluster, peersFile, withDefaults, type Cluster, type ClusterEvent } from "#crds";
import { topology, type Topology } from "#operator";
import { eventually, freePort } from "#testing";
import { stateDirectory } from "./state-directory.ts";
import { openLocalSubstrate, type LocalSubstrate } from "./substrate.ts";

const ROOT = join(import.meta.dirname, "fixture");

interface Pool {
  name: string;
  replicas?: number;
  handlers?: string;
}

let home: string;
let substrate: LocalSubstrate;
let events: ClusterEvent[];
let port: number;

const wanted = (pools: Pool[], gateway: object = {}): [Topology, Cluster] => {
  const parsed = parseRealtimeCluster({
    apiVersion: "realtimecluster.dev/v1alpha1",
    kind: "RealtimeCluster",
    metadata: { name: "test" },
    spec: { gateway, workers: pools.map(({ name, ...rest }) => ({ name, events: [`${name}:*`], ...rest })) },
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const cluster = withDefaults(parsed.value);
  const workers = cluster.spec.workers.map((pool) => ({ ...pool, handlers: join(home, pool.handlers) }));
  const here = { ...cluster, spec: { ...cluster.spec, workers } };
  return [topology(here, { managedAs: "hub" }), here];
};

/** instance → pid of those that are ready. */
const pids = () =>
  Object.fromEntries(
    substrate.instances().flatMap(({ instance, state, pid }) => (state === "ready" ? [[instance, pid]] : [])),
  );
const allReady = (...names: string[]) =>
  eventually(() => expect(Object.keys(pids()).sort()).toEqual(names.sort()), { timeoutMs: 60_000 });
const pidOf = (instance: string): number => pids()[instance] ?? -1;
const read = (name: string) => readFile(join(home, ".realtime/test", name), "utf8");
const BASE = ["test-entry-0", "test-gateway-0", "test-gateway-1", "test-hub-0"];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "realtime-local-"));
  for (const name of ["good.ts", "other.ts", "a.ts"]) await writeFile(join(home, name), "fine");
  await writeFile(join(home, "broken.ts"), "throw");
  await writeFile(join(home, "slow.ts"), "slow");
  events = [];
  port = await freePort();
  substrate = await openLocalSubstrate({
    directory: stateDirectory(home, "test"),
    root: ROOT,
    entry: { host: "127.0.0.1", clients: port, api: 0 },
    delistMs: 0,
  });
  substrate.onChange((_cluster, told) => events.push(...told));
});

afterEach(async () => {
  await substrate[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
});

describe("processes of a cluster", () => {
  test("the hub is ready before gateways and workers start, and peers name the gateways", async () => {
    await substrate.apply("test", ...wanted([{ name: "a", handlers: "a.ts" }]));
    await allReady(...BASE, "test-worker-a-0");
    const order = events.map(({ instance, what }) => `${instance} ${what}`);
    expect(order.indexOf("test-hub-0 ready")).toBeLessThan(order.indexOf("test-gateway-0 starting"));
    expect(order.indexOf("test-hub-0 ready")).toBeLessThan(order.indexOf("test-worker-a-0 starting"));
    await eventually(async () => {
      const { gateways, links } = peersFile.parse(JSON.parse(await read("peers.json")));
      expect(gateways.map(({ instance }) => instance).sort()).toEqual(["test-gateway-0", "test-gateway-1"]);
      expect(links).toHaveLength(2);
    });
    expect(await read("servers/hub/uri")).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+\n$/);
    expect((await read("servers/hub/key")).trim().length).toBeGreaterThan(30);
    expect((await read("session-key")).trim().length).toBeGreaterThan(30);
  });

  test("a killed one is replaced and keeps its name; nobody else is touched", async () => {
    await substrate.apply("test", ...wanted([{ name: "a", handlers: "a.ts" }]));
    await allReady(...BASE, "test-worker-a-0");
    const before = pids();
    process.kill(pidOf("test-worker-a-0"), "SIGKILL");
    await eventually(
      () => {
        const worker = substrate.instances().find(({ instance }) => instance === "test-worker-a-0");
        expect(worker).toMatchObject({ state: "ready", restarts: 1 });
      },
      { timeoutMs: 30_000 },
    );
    const { "test-worker-a-0": old, ...others } = before;
    expect(pids()).toMatchObject(others);
    expect(pidOf("test-worker-a-0")).not.toBe(old);
    const told = events.filter(({ instance }) => instance === "test-worker-a-0").map(({ what }) => what);
    expect(told).toEqual(["starting", "ready", "exited", "restarting", "ready"]);
    expect(events.find(({ what }) => what === "exited")?.message).toBe("killed by SIGKILL");
  });

  test("a killed hub comes back on its port; nobody else is restarted", async () => {
    await substrate.apply("test", ...wanted([]));
    await allReady(...BASE);
    const { "test-hub-0": hub, ...others } = pids();
    const uri = await read("servers/hub/uri");
    process.kill(hub ?? -1, "SIGKILL");
    await eventually(() => expect(pids()["test-hub-0"]).not.toBe(hub));
    await allReady(...BASE);
    expect(pids()).toMatchObject(others);
    expect(await read("servers/hub/uri")).toBe(uri);
  });

  test("only the difference is applied: a pool more, one scaled, one with other handlers, one removed", async () => {
    await substrate.apply(
      "test",
      ...wanted([
        { name: "a", handlers: "a.ts" },
        { name: "b", handlers: "good.ts" },
        { name: "gone", handlers: "good.ts" },
      ]),
    );
    await allReady(...BASE, "test-worker-a-0", "test-worker-b-0", "test-worker-gone-0");
    const before = pids();
    await substrate.apply(
      "test",
      ...wanted([
        { name: "a", handlers: "a.ts", replicas: 2 },
        { name: "b", handlers: "other.ts" },
        { name: "c", handlers: "good.ts" },
      ]),
    );
    await allReady(...BASE, "test-worker-a-0", "test-worker-a-1", "test-worker-b-1", "test-worker-c-0");
    const after = pids();
    for (const instance of [...BASE, "test-worker-a-0"]) expect(after[instance]).toBe(before[instance]);
    expect(JSON.parse(await read("config.json"))).toMatchObject({
      pools: [{ name: "a" }, { name: "b" }, { name: "c" }],
    });
    const order = events.map(({ instance, what }) => `${instance} ${what}`);
    expect(order.indexOf("test-worker-b-1 ready")).toBeLessThan(order.indexOf("test-worker-b-0 stopping"));
  });

  test("handlers that throw on load are told of, and what serves stays", async () => {
    await substrate.apply("test", ...wanted([{ name: "a", handlers: "a.ts" }]));
    await allReady(...BASE, "test-worker-a-0");
    await substrate.apply("test", ...wanted([{ name: "a", handlers: "broken.ts" }]));
    await eventually(
      () => {
        const told = events.find(({ what }) => what === "failing");
        expect(told?.message).toContain("the handlers threw on load");
      },
      { timeoutMs: 30_000 },
    );
    expect(substrate.instances().find(({ instance }) => instance === "test-worker-a-0")?.state).toBe("ready");
    await substrate.apply("test", ...wanted([{ name: "a", handlers: "other.ts" }]));
    await eventually(
      () => expect(substrate.instances().filter(({ pool }) => pool === "a")).toMatchObject([{ state: "ready" }]),
      { timeoutMs: 30_000 },
    );
  });

  test("a named one goes without replacement, and a lower count that follows takes nobody else", async () => {
    await substrate.apply("test", ...wanted([{ name: "a", handlers: "a.ts", replicas: 3 }]));
    await allReady(...BASE, "test-worker-a-0", "test-worker-a-1", "test-worker-a-2");
    const before = pids();
    await substrate.stop("test", ["test-worker-a-1"]);
    await substrate.apply("test", ...wanted([{ name: "a", handlers: "a.ts", replicas: 2 }]));
    await allReady(...BASE, "test-worker-a-0", "test-worker-a-2");
    await eventually(() =>
      expect(substrate.instances().some(({ instance }) => instance === "test-worker-a-1")).toBe(false),
    );
    expect(before).toMatchObject(pids());
    const started = events.filter(({ what, pool }) => what === "starting" && pool === "a");
    expect(started).toHaveLength(3);
  });

  test("gateways roll all ready before any goes, and the entry always has as many as are wanted", async () => {
    await substrate.apply("test", ...wanted([]));
    await allReady(...BASE);
    const before = pids();
    events = [];
    await substrate.apply("test", ...wanted([], { limits: { eventsPerSecond: 7 } }));
    let least = Infinity;
    await eventually(
      () => {
        const gateways = substrate.instances().filter(({ role }) => role === "gateway");
        least = Math.min(least, gateways.filter(({ state }) => state === "ready").length);
        expect(gateways.map(({ state }) => state)).toEqual(["ready", "ready"]);
        expect(gateways.some(({ pid }) => Object.values(before).includes(pid))).toBe(false);
      },
      { timeoutMs: 60_000 },
    );
    expect(least).toBeGreaterThanOrEqual(2);
    const told = events.filter(({ role }) => role === "gateway").map(({ what }) => what);
    expect(told.filter((what) => what === "ready")).toHaveLength(2);
    expect(told.lastIndexOf("ready")).toBeLessThan(told.indexOf("stopping"));
    expect(pids()["test-hub-0"]).toBe(before["test-hub-0"]);
    expect(pids()["test-entry-0"]).toBe(before["test-entry-0"]);
  });

  test("a gateway that somebody else asks to go is off the entry's list and replaced at once", async () => {
    await substrate.apply("test", ...wanted([]));
    await allReady(...BASE);
    const before = pids();
    process.kill(pidOf("test-gateway-0"), "SIGTERM");
    await allReady("test-entry-0", "test-gateway-1", "test-gateway-2", "test-hub-0");
    expect(pids()["test-gateway-1"]).toBe(before["test-gateway-1"]);
    const told = events.filter(({ instance }) => instance === "test-gateway-0").map(({ what }) => what);
    expect(told).toEqual(["starting", "ready", "stopping", "stopped"]);
    await eventually(async () => {
      const { gateways } = peersFile.parse(JSON.parse(await read("peers.json")));
      expect(gateways.map(({ instance }) => instance).sort()).toEqual(["test-gateway-1", "test-gateway-2"]);
    });
  });

  test("stopping goes in order: entry, gateways, workers, hub", async () => {
    await substrate.apply("test", ...wanted([{ name: "a", handlers: "a.ts" }]));
    await allReady(...BASE, "test-worker-a-0");
    events = [];
    await substrate[Symbol.asyncDispose]();
    const told = events.map(({ role, what }) => `${role} ${what}`);
    const last = (text: string) => told.lastIndexOf(text);
    expect(told[0]).toBe("entry stopping");
    expect(last("gateway stopped")).toBeLessThan(told.indexOf("worker stopping"));
    expect(last("worker stopped")).toBeLessThan(told.indexOf("hub stopping"));
    expect(last("hub stopped")).toBe(told.length - 1);
    expect(substrate.instances()).toEqual([]);
  });

  test("killing all at once does not wait for anyone", async () => {
    await substrate.apply("test", ...wanted([{ name: "a", handlers: "slow.ts" }]));
    await allReady(...BASE, "test-worker-a-0");
    const worker = pidOf("test-worker-a-0");
    const stopping = substrate[Symbol.asyncDispose]();
    await eventually(() => expect(events.map(({ role, what }) => `${role} ${what}`)).toContain("worker stopping"));
    substrate.killAll();
    await stopping;
    expect(() => process.kill(worker, 0)).toThrow("ESRCH");
    expect(events.find(({ role, what }) => role === "hub" && what === "stopped")).toBeDefined();
  });

  const who = () =>
    new Promise<string>((resolve, reject) => {
      let text = "";
      const socket = connect(port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
      socket.on("data", (chunk) => (text += chunk.toString()));
      socket.on("end", () => resolve(text.split("\r\n\r\n")[1] ?? ""));
      socket.on("error", reject);
    });
  const four = async () =>
    [await who(), await who(), await who(), await who()]
      .map((it) => /test-gateway-\d/.exec(it)?.[0] ?? "")
      .toSorted((a, b) => a.localeCompare(b));
  const [ONE, OTHER] = ["test-gateway-0", "test-gateway-1"] as const;

  test("the entry spreads connections over the gateways, but for those that are shunned", async () => {
    await substrate.apply("test", ...wanted([]));
    await allReady(...BASE);
    await eventually(async () => expect(await four()).toEqual([ONE, ONE, OTHER, OTHER]));
    await substrate.shun("test", [ONE]);
    await eventually(async () => expect(await four()).toEqual([OTHER, OTHER, OTHER, OTHER]));
    expect(Object.keys(pids())).toContain(ONE);
    await substrate.shun("test", []);
    await eventually(async () => expect(await four()).toEqual([ONE, ONE, OTHER, OTHER]));
  });
});
