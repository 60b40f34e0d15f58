import { expect, test } from "@jest/globals";
import type { ShedOrder } from "#crds";
import { silentLog } from "#process";
import { createRebalancer } from "./rebalancer.ts";
import { clusterOf, instanceOf, signalOf } from "./testing.ts";
import { topology } from "./topology/topology.ts";

const cluster = clusterOf({ gateway: { replicas: 3 } });
const plan = topology(cluster, { managedAs: "hub" });
const configHash = plan.roles.find(({ role }) => role === "gateway")?.configHash ?? "";
const LOADS = [300, 300, 0];
const subject = {
  cluster,
  plan,
  instances: LOADS.map((_, i) => instanceOf(`g${i}`, { configHash })),
  signal: signalOf({
    gateways: LOADS.map((load, i) => ({
      node: `g${i}-x`,
      connections: load,
      carried: 0,
      recoverable: load,
      draining: false,
    })),
  }),
};

/** A substrate that is told whom clients are not sent to, and takes as long as `shun` does. */
const setUp = (shun: (gateways: readonly string[]) => Promise<void> = async () => {}) => {
  const world = { now: 100_000, said: [] as string[], shed: [] as ShedOrder[] };
  const rebalancer = createRebalancer({
    substrate: {
      shun: (_key, gateways) => {
        world.said.push(gateways.join(" "));
        return shun(gateways);
      },
    },
    signals: { shed: (_key, orders) => void world.shed.push(...orders) },
    log: silentLog(),
    now: () => world.now,
  });
  return { world, rebalancer, pass: () => rebalancer.pass("chat", subject) };
};

test("who is out of the way sheds five seconds after that was said, and no pass waits for it", async () => {
  const saying = Promise.withResolvers<void>();
  const { world, pass } = setUp(() => saying.promise);
  expect(await pass()).toBe(true);
  world.now += 27_000;
  expect(await pass()).toBe(true);
  expect(world.said).toEqual(["g0 g1"]);
  saying.resolve();
  await saying.promise;
  await pass();
  world.now += 4999;
  await pass();
  expect(world.shed).toEqual([]);
  world.now += 1;
  await pass();
  expect(world.shed).toHaveLength(2);
});

test("where it cannot be said again and again, all take clients, and it rests", async () => {
  const { world, pass } = setUp(async (gateways) => {
    if (gateways.length > 0) throw new Error("one of them is refused");
  });
  for (let i = 0; i < 5; i++) expect(await pass()).toBe(i < 3);
  expect(world.said).toEqual(["g0 g1", "g0 g1", "g0 g1", "", ""]);
  world.now += 299_000;
  await pass();
  world.now += 1000;
  await pass();
  expect(world.said.slice(5)).toEqual(["", "g0 g1"]);
  expect(world.shed).toEqual([]);
});

test("orders are made anew where what was said took long", async () => {
  const { world, pass } = setUp(async () => {
    if (world.said.length === 2) world.now += 2000;
  });
  await pass();
  world.now += 5000;
  await pass();
  expect(world.shed).toEqual([]);
  await pass();
  expect(world.shed).toHaveLength(2);
});

test("who ends lets clients come to all gateways, once what is being said is", async () => {
  const { world, rebalancer, pass } = setUp();
  await pass();
  await rebalancer[Symbol.asyncDispose]();
  expect(world.said).toEqual(["g0 g1", ""]);
});
