import { expect, test } from "@jest/globals";
import { io as connect } from "socket.io-client";
import type { GatewayReport } from "#crds";
import { eventually } from "#testing";
import { countingClients, gatewayOf } from "./testing/counting-clients.ts";
import { runCluster, type RunningCluster } from "./testing/running-cluster.ts";

const specOf = (replicas: number) => ({
  adapter: { type: "zeromq" },
  gateway: { replicas, api: {}, recovery: { windowSeconds: 60 }, drain: { graceSeconds: 10 } },
});
const NO_FAULTS = { lost: 0, doubled: 0, disordered: 0, unrecovered: 0, returned: 0 };
const SLOW = { timeoutMs: 120_000 };
const loadOf = ({ connections, carried }: GatewayReport) => connections + carried;

/** Says 0, 1, 2 … in the channel until it is disposed, which gives how many it said. */
const startCounting = (cluster: RunningCluster) => {
  let next = 0;
  const stopping = new AbortController();
  const run = async () => {
    while (!stopping.signal.aborted) {
      await cluster.publish("numbers", "n", next++);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const running = run();
  return async () => {
    stopping.abort();
    await running;
    return next - 1;
  };
};

test("from 2 to 4 gateways and back: new ones get their share, the emptiest go, and no client misses anything", async () => {
  await using cluster = await runCluster(specOf(2));
  const gateways = (count: number) =>
    eventually(() => {
      const reports = cluster.reports();
      const ready = cluster.substrate.instances().filter(({ role }) => role === "gateway");
      expect(ready.map(({ state }) => state)).toEqual(Array.from({ length: count }, () => "ready"));
      expect([...reports.keys()].sort()).toEqual(ready.map(({ instance }) => instance).sort());
      return reports;
    }, SLOW);
  await gateways(2);
  using clients = countingClients(cluster.url, "numbers");
  await clients.open(300, ["websocket"]);
  await clients.open(20);
  await clients.open(10, ["polling"]);
  const stop = startCounting(cluster);
  await eventually(() => expect(clients.all.every(({ last }) => last !== undefined)).toBe(true));

  const began = performance.now();
  cluster.apply(specOf(4));
  const loads = (reports: Map<string, GatewayReport>) => [...reports.values()].map(loadOf);
  const before = await gateways(4);
  const mean = loads(before).reduce((sum, load) => sum + load, 0) / 4;
  const excess = loads(before).reduce((sum, load) => sum + Math.max(0, load - mean), 0);
  const isLevel = async () => {
    const now = loads(await gateways(4));
    expect(Math.max(...now) / (now.reduce((sum, load) => sum + load, 0) / 4)).toBeLessThanOrEqual(1.2);
    expect(clients.all.every(({ socket }) => socket.connected)).toBe(true);
  };
  await eventually(isLevel, SLOW);
  const moves = clients.all.map(({ cameBack }) => cameBack.filter((at) => at > began).length);
  const moved = moves.reduce((sum, times) => sum + times, 0);
  expect(moved).toBeGreaterThan(100);
  expect(moved).toBeLessThanOrEqual(excess + 20);
  expect(Math.max(...moves)).toBe(1);

  // The two that were there first become the emptiest.
  const numbers = new Map<string, string>();
  for (const { instance, role, ports } of cluster.substrate.instances()) {
    if (role !== "gateway") continue;
    const socket = connect(`http://127.0.0.1:${ports["clients"]}`, { transports: ["websocket"], forceNew: true });
    await new Promise<void>((resolve) => socket.once("connect", resolve));
    numbers.set(gatewayOf(socket), instance);
    socket.disconnect();
  }
  const isOn = (name: string) => clients.all.filter(({ gateways }) => numbers.get(gateways.at(-1) ?? "") === name);
  for (const name of ["test-gateway-0", "test-gateway-1"])
    for (const { socket } of isOn(name).slice(0, -20)) socket.disconnect();
  await eventually(() => {
    const reports = cluster.reports();
    const load = (i: number) => loadOf(reports.get(`test-gateway-${i}`) ?? { ...before.get("test-gateway-0")! });
    expect(Math.max(load(0), load(1))).toBeLessThan(Math.min(load(2), load(3)));
  });
  cluster.apply(specOf(2));
  await eventually(async () => {
    expect([...(await gateways(2)).keys()].sort()).toEqual(["test-gateway-2", "test-gateway-3"]);
  }, SLOW);
  const last = await stop();
  const staying = clients.all.filter(({ socket }) => socket.active);
  expect(staying.length).toBeGreaterThan(150);
  await eventually(() => expect(staying.map((it) => it.last).filter((n) => n !== last)).toEqual([]), SLOW);
  expect(clients.faults).toEqual(NO_FAULTS);
}, 600_000);
