import { afterEach, describe, expect, test } from "@jest/globals";
import type { Cluster, ClusterEvent, Pool, ShedOrder } from "#crds";
import { silentLog } from "#process";
import { eventually } from "#testing";
import type { Instance, Signal, Substrate } from "./port.ts";
import type { Queue } from "./kube/runtime/work-queue.ts";
import { startReconciling } from "./reconcile.ts";
import { sentenceOf } from "./scale/tell.ts";
import type { ClusterStatus } from "./status/model.ts";
import { clusterOf, instanceOf, signalOf } from "./testing.ts";
import type { Problem, Topology } from "./topology/model.ts";
import { topology } from "./topology/topology.ts";
import { livePool } from "./topology/worker.ts";

/** A substrate that makes everything so at once. */
class FakeSubstrate implements Substrate {
  instances: Instance[] = [];
  applied: Topology[] = [];
  stopped: string[] = [];
  shunned: readonly string[] = [];
  shunFailures = 0;
  failures = 0;
  #listeners = new Set<(cluster: string, events: readonly ClusterEvent[]) => void>();

  leaving: Pool[] = [];
  counts: Record<string, number> = {};

  observe = async () => ({
    instances: this.instances,
    servers: [],
    obstacles: [],
    leaving: this.leaving,
    counts: this.counts,
  });
  async apply(_key: string, topology: Topology) {
    if (this.failures-- > 0) throw new Error("the substrate is away");
    this.applied.push(topology);
    this.instances = topology.roles.flatMap((role) => {
      const own = this.instances.filter(({ of }) => of === role.name);
      const names = [
        ...own.map(({ instance }) => instance),
        ...Array.from({ length: 20 }, (_, i) => `${role.name}-${i}`),
      ];
      return [...new Set(names)]
        .slice(0, role.count)
        .map((name) => instanceOf(name, { role: role.role, of: role.name, configHash: role.configHash }));
    });
  }
  async stop(_cluster: string, instances: readonly string[]) {
    this.stopped.push(...instances);
    this.instances = this.instances.filter(({ instance }) => !instances.includes(instance));
  }
  async shun(_cluster: string, gateways: readonly string[]) {
    if (this.shunFailures-- > 0) throw new Error("the substrate is away");
    this.shunned = gateways;
  }
  onChange(listener: (cluster: string, events: readonly ClusterEvent[]) => void) {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
  tell(...events: ClusterEvent[]) {
    for (const listener of this.#listeners) listener("chat", events);
  }
}

let loop: Queue | undefined;
afterEach(async () => loop?.[Symbol.asyncDispose]());

const setUp = (spec: object, before: (substrate: FakeSubstrate) => void = () => {}, planProblems: Problem[] = []) => {
  const world = {
    cluster: clusterOf(spec) as Cluster | undefined,
    problems: undefined as Problem[] | undefined,
    signal: signalOf() as Signal | undefined,
    now: 0,
    substrate: new FakeSubstrate(),
    announced: [] as ClusterEvent[],
    shed: [] as ShedOrder[],
    scaled: [] as string[],
    kept: [] as string[],
    status: undefined as ClusterStatus | undefined,
    passes: 0,
    isFrozen: false,
    twoPasses: async () => {
      const from = world.passes;
      await eventually(() => expect(world.passes).toBeGreaterThan(from + 2));
    },
    condition: (name: string) => world.status?.conditions.find(({ type }) => type === name)?.status,
    workers: () => world.substrate.instances.filter(({ role }) => role === "worker").map(({ instance }) => instance),
  };
  before(world.substrate);
  loop = startReconciling({
    wanted: () => {
      if (world.problems !== undefined) return { problems: world.problems, generation: 2 };
      return world.cluster && { cluster: world.cluster };
    },
    planFor: (it, _observed, leaving) => {
      world.kept = leaving.map(({ name }) => name);
      return { ...topology(it, { managedAs: "hub" }), problems: planProblems };
    },
    substrate: world.substrate,
    signals: {
      // Each is made anew, but for one that is frozen.
      latest: () =>
        world.signal && world.isFrozen
          ? world.signal
          : world.signal && { ...world.signal, snapshot: { ...world.signal.snapshot, at: world.now } },
      announce: (_cluster, events) => void world.announced.push(...events),
      shed: (_cluster, orders) => void world.shed.push(...orders),
    },
    onScaled: (_key, scaled) => void world.scaled.push(...scaled.map(sentenceOf)),
    report: (_key, status) => {
      world.status = status;
      world.passes += 1;
    },
    log: silentLog(),
    now: () => world.now,
    every: { scalingMs: 5, restingMs: 5 },
  });
  loop.add("chat");
  return world;
};

const backlog = (ready: number, unacked: number) => signalOf({ pools: [{ pool: "a", ready, unacked }] });
const scaled = { workers: [{ name: "a", events: ["a"], autoscaling: { maxReplicas: 5, targetBacklog: 10 } }] };

test("a cluster is applied, and says when it is ready", async () => {
  const world = setUp({ workers: [{ name: "a", events: ["a"], replicas: 2 }] });
  await eventually(() => expect(world.condition("Ready")).toBe("True"));
  expect(world.workers()).toEqual(["worker-a-0", "worker-a-1"]);
});

test("a substrate that fails for a while is tried again", async () => {
  const world = setUp({});
  world.substrate.failures = 2;
  await eventually(() => expect(world.condition("Ready")).toBe("True"));
});

test("a substrate that stays away is told, though not that all is well", async () => {
  const world = setUp({});
  world.substrate.failures = Infinity;
  await eventually(() => expect(world.status?.observedGeneration).toBe(1));
  expect(world.condition("Ready")).toBe("False");
});

test("a pool that somebody else counts is ready with as many as they ask for", async () => {
  const world = setUp({ workers: [{ name: "a", events: ["a"], autoscaling: { external: true, maxReplicas: 9 } }] });
  await eventually(() => expect(world.workers()).toHaveLength(1));
  world.substrate.counts = { "worker-a": 4 };
  await eventually(() => expect(world.workers()).toHaveLength(4));
  await eventually(() => expect(world.status?.workers).toEqual({ ready: 4, wanted: 4 }));
  world.substrate.counts = { "worker-a": 0 };
  await eventually(() => expect(world.status?.workers).toEqual({ ready: 0, wanted: 0 }));
  expect(world.condition("Ready")).toBe("True");
});

test("a count that is asked for already is where scaling goes on from, however many run in the middle of a roll", async () => {
  const world = setUp(scaled, (substrate) => {
    substrate.counts = { "worker-a": 2 };
    substrate.instances = ["a", "b", "c", "d"].map((name) =>
      instanceOf(name, { role: "worker", of: "worker-a", configHash: name < "c" ? "old" : "new" }),
    );
  });
  await eventually(() => expect(world.status?.workers?.wanted).toBe(2));
});

test("a pool that leaves stays until the gateways have heard of it and its queue is known to be empty", async () => {
  const world = setUp(scaled);
  world.substrate.leaving = clusterOf(scaled).spec.workers.map(livePool);
  world.signal = backlog(0, 0);
  await eventually(() => expect(world.kept).toEqual(["a"]));
  world.now += 12_000;
  world.signal = { ...backlog(0, 0), ageMs: 5000 };
  await world.twoPasses();
  expect(world.kept).toEqual(["a"]);
  world.signal = undefined;
  await world.twoPasses();
  expect(world.kept).toEqual(["a"]);
  for (const signal of [backlog(0, 1), signalOf({ pools: [{ pool: "a", ready: 0 }] })]) {
    world.signal = signal;
    await world.twoPasses();
    expect(world.kept).toEqual(["a"]);
  }
  world.signal = backlog(0, 0);
  await eventually(() => expect(world.kept).toEqual([]));
});

test("an edit of the resource is applied", async () => {
  const world = setUp({});
  await eventually(() => expect(world.condition("Ready")).toBe("True"));
  world.cluster = clusterOf({ workers: [{ name: "a", events: ["a"] }] }, 2);
  await eventually(() => expect(world.status?.observedGeneration).toBe(2));
  expect(world.workers()).toEqual(["worker-a-0"]);
});

test("what cannot be served is a condition and changes nothing", async () => {
  const world = setUp({}, undefined, [{ path: "spec.version", message: "no" }]);
  await eventually(() => expect(world.condition("Stalled")).toBe("True"));
  expect(world.substrate.applied).toEqual([]);
});

test("a suspended cluster is left as it is", async () => {
  const world = setUp({ suspend: true });
  await eventually(() => expect(world.condition("Paused")).toBe("True"));
  expect(world.substrate.applied).toEqual([]);
});

test("a pool grows with its backlog, holds while it is unknown, and shrinks after its time, the emptiest first", async () => {
  const world = setUp(scaled);
  await eventually(() => expect(world.condition("Ready")).toBe("True"));
  expect(world.workers()).toEqual([]);
  world.signal = backlog(25, 4);
  await eventually(() => expect(world.workers()).toHaveLength(3));
  world.signal = undefined;
  await eventually(() => expect(world.condition("Ready")).toBe("Unknown"));
  world.now += 3_600_000;
  await eventually(() => expect(world.workers()).toHaveLength(3));
  const hand = (node: string, count: number) => ({
    node,
    pool: "a",
    done: 0,
    failed: 0,
    inHand: Array.from({ length: count }, (_, i) => ({ id: String(i), event: "a", attempt: 1, since: 0 })),
  });
  world.signal = {
    ageMs: 0,
    snapshot: {
      ...backlog(0, 5).snapshot,
      workers: [hand("worker-a-0-x", 0), hand("worker-a-1-x", 5), hand("worker-a-2-x", 0)],
    },
  };
  await eventually(() => expect(world.condition("Ready")).toBe("True"));
  expect(world.workers()).toHaveLength(3);
  world.now += 61_000;
  await eventually(() => expect(world.workers()).toHaveLength(2));
  world.now += 61_000;
  await eventually(() => expect(world.workers()).toEqual(["worker-a-1"]));
  expect(world.substrate.stopped.sort()).toEqual(["worker-a-0", "worker-a-2"]);
});

test("what workers that go have in hand calls for no others", async () => {
  const world = setUp(scaled);
  world.signal = signalOf({ pools: [{ pool: "a", ready: 0, unacked: 12, leaving: 12 }] });
  await world.twoPasses();
  expect(world.workers()).toEqual([]);
  world.signal = signalOf({ pools: [{ pool: "a", ready: 1, unacked: 12, leaving: 12 }] });
  await eventually(() => expect(world.workers()).toEqual(["worker-a-0"]));
});

describe("gateways with more than their share", () => {
  const loads = (...all: number[]) =>
    signalOf({
      gateways: all.map((connections, i) => ({
        node: `gateway-${i}-x`,
        connections,
        carried: 0,
        recoverable: connections,
        draining: false,
      })),
    });
  const uneven = async () => {
    const world = setUp({ gateway: { replicas: 3 } });
    await eventually(() => expect(world.condition("Ready")).toBe("True"));
    world.now = 10_000;
    world.signal = loads(300, 300, 0);
    await eventually(() => expect(world.substrate.shunned).toEqual(["gateway-0", "gateway-1"]));
    expect(world.shed).toEqual([]);
    return world;
  };

  test("leave the clients' way, shed once, and are back", async () => {
    const world = await uneven();
    world.now = 15_000;
    await eventually(() =>
      expect(world.shed).toMatchObject([{ node: "gateway-0-x", sessions: 100 }, { sessions: 100 }]),
    );
    world.signal = loads(200, 200, 200);
    await world.twoPasses();
    expect(world.substrate.shunned).toEqual(["gateway-0", "gateway-1"]);
    world.now = 30_000;
    await eventually(() => expect(world.substrate.shunned).toEqual([]));
    expect(world.shed).toHaveLength(2);
  });

  type World = Awaited<ReturnType<typeof uneven>>;
  test.each<[string, (world: World) => void]>([
    ["what its user wrote is refused", (world) => void (world.problems = [{ path: "spec", message: "no" }])],
    ["it is suspended", (world) => void (world.cluster = clusterOf({ suspend: true, gateway: { replicas: 3 } }))],
  ])("are back where %s, though the substrate fails for a while", async (_sentence, change) => {
    const world = await uneven();
    world.substrate.shunFailures = 2;
    change(world);
    loop?.add("chat");
    await eventually(() => expect(world.substrate.shunned).toEqual([]));
  });

  test("are back when the loop ends", async () => {
    const world = await uneven();
    await loop?.[Symbol.asyncDispose]();
    expect(world.substrate.shunned).toEqual([]);
  });

  test("are tried again where a substrate fails", async () => {
    const world = await uneven();
    world.substrate.shunFailures = 2;
    world.now = 15_000;
    await eventually(() => expect(world.shed).toHaveLength(2));
    expect(world.condition("Ready")).toBe("True");
  });
});

test("the emptiest gateways go where fewer are written", async () => {
  const world = setUp({ gateway: { replicas: 3 } });
  await eventually(() => expect(world.condition("Ready")).toBe("True"));
  const report = (i: number, connections: number) => ({
    node: `gateway-${i}-x`,
    connections,
    carried: 0,
    draining: false,
  });
  world.signal = signalOf({ gateways: [report(0, 5), report(1, 50), report(2, 40)] });
  world.cluster = clusterOf({ gateway: { replicas: 1 } }, 2);
  loop?.add("chat");
  await eventually(() => expect(world.substrate.stopped).toEqual(["gateway-0", "gateway-2"]));
});

test("a count that changed is told with its numbers, on the channel and in the status, once", async () => {
  const world = setUp(scaled);
  await eventually(() => expect(world.condition("Ready")).toBe("True"));
  world.signal = backlog(25, 4);
  await eventually(() => expect(world.workers()).toHaveLength(3));
  const told = "a 0 → 3: backlog 29, target 10";
  await eventually(() =>
    expect(world.status?.scaling).toMatchObject([
      { name: "worker-a", desired: 3, actual: 3, reason: "Backlog", message: told },
    ]),
  );
  await world.twoPasses();
  expect(world.announced).toMatchObject([{ what: "scaled", pool: "a", message: told }]);
  expect(world.scaled).toEqual([told]);
});

test("a load that is not known holds the count, and a condition says so", async () => {
  const world = setUp(scaled, (substrate) => (substrate.counts = { "worker-a": 2 }));
  world.signal = backlog(5, 0);
  world.isFrozen = true;
  await eventually(() => expect(world.condition("ScalingActive")).toBe("True"));
  world.now += 11_000;
  await eventually(() => expect(world.condition("ScalingActive")).toBe("False"));
  expect(world.workers()).toHaveLength(2);
});

test("a load that asks for more than may be is a condition", async () => {
  const world = setUp(scaled);
  world.signal = backlog(51, 0);
  await eventually(() => expect(world.condition("ScalingLimited")).toBe("True"));
  expect(world.workers()).toHaveLength(5);
});

test("what happens to processes is announced in the cluster", async () => {
  const world = setUp({});
  await eventually(() => expect(world.condition("Ready")).toBe("True"));
  const event: ClusterEvent = { at: 1, role: "worker", instance: "w", what: "exited" };
  world.substrate.tell(event);
  expect(world.announced).toEqual([event]);
});
