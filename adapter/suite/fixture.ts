import { afterAll, beforeAll, expect } from "@jest/globals";
import type { Registry } from "prom-client";
import { channelRoom, userRoom } from "#crds";
import { eventually } from "#testing";
import type { Delivery } from "../port.ts";
import { testCluster, type TestClient, type TestCluster, type TestGateway } from "../testing/cluster.ts";
import type { DriverUnderTest } from "../testing/drivers.ts";

export const text = (message: Uint8Array): string => Buffer.from(message).toString();

/** Three gateways as processes, of which two have a client each, and this process as one that is no gateway. */
export interface Fixture {
  cluster: TestCluster;
  one: TestGateway;
  two: TestGateway;
  /** Without clients of its own. */
  three: TestGateway;
  delivery: Delivery;
  registry: Registry;
  /** At `one`, in the room `one` and the channel `lobby`. */
  anna: TestClient;
  /** At `two`, in the room `two` and the channel `lobby`. */
  ben: TestClient;
  /** Waits until what `gateway` (`one`) has emitted so far is at both clients, and returns what they heard since. */
  settle(gateway?: TestGateway): Promise<{ anna: unknown[][]; ben: unknown[][] }>;
  /** The same for what this process emits. */
  settleEmitter(): Promise<{ anna: unknown[][]; ben: unknown[][] }>;
}

const open = async (
  { driver, shared, silentMs = 1500, recovery }: DriverUnderTest,
  stack: AsyncDisposableStack,
): Promise<Fixture> => {
  const { uri } = stack.use(await shared());
  const cluster = stack.use(testCluster(driver, uri, { silentMs, lingerMs: 300, recovery }));
  const gateways = Promise.all([cluster.gateway(), cluster.gateway(), cluster.gateway()]);
  const [[one, two, three], { delivery, registry }] = await Promise.all([gateways, cluster.delivery()]);
  await eventually(async () => {
    for (const { ask } of [one, two, three]) expect(await ask("nodes")).toBe(3);
  });
  const anna = stack.use(await one.client("anna", [userRoom("anna"), channelRoom("lobby"), "one"]));
  const ben = stack.use(await two.client("ben", [userRoom("ben"), channelRoom("lobby"), "two"]));
  let lastMark = 0;

  const reached = (mark: number) =>
    eventually(
      () => {
        for (const { heard } of [anna, ben]) expect(heard).toContainEqual(["mark", mark]);
      },
      { timeoutMs: 20_000 },
    );
  const settle = async (gateway = one) => {
    lastMark += 1;
    await gateway.ask("emit", { event: "mark", args: [lastMark] });
    await reached(lastMark);
    const take = ({ heard }: TestClient) => heard.splice(0).filter(([event]) => event !== "mark");
    return { anna: take(anna), ben: take(ben) };
  };
  const settleEmitter = async () => {
    lastMark += 1;
    delivery.emitter().broadcast().emit("mark", lastMark);
    await reached(lastMark);
    return settle();
  };
  return { cluster, one, two, three, delivery, registry, anna, ben, settle, settleEmitter };
};

/** Opens the fixture before the tests of a group and closes it after them. */
export const useFixture = (under: DriverUnderTest): (() => Fixture) => {
  const stack = new AsyncDisposableStack();
  let fixture: Fixture | undefined;
  beforeAll(async () => {
    fixture = await open(under, stack);
  });
  afterAll(() => stack.disposeAsync());
  return () => {
    if (fixture === undefined) throw new Error("the fixture is not open");
    return fixture;
  };
};
