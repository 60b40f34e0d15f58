import { describe, expect, test } from "@jest/globals";
import type { Instance } from "../port.ts";
import type { Scaling } from "../scale/count.ts";
import { clusterOf, instanceOf, signalOf } from "../testing.ts";
import { topology } from "../topology/topology.ts";
import type { ClusterStatus, ConditionType, Facts } from "./model.ts";
import { statusOf } from "./status.ts";

const SPEC = { workers: [{ name: "a", events: ["a:*"], replicas: 2 }] };

/** Facts in which all is as it is wanted, but for what is said. */
const facts = (spec: object = SPEC, change: Partial<Facts> = {}): Facts => {
  const cluster = clusterOf(spec, 3);
  const plan = topology(cluster, { managedAs: "hub" });
  const instances = plan.roles.flatMap((role) =>
    Array.from({ length: role.count }, (_, i) =>
      instanceOf(`chat-${role.name}-${i}`, { role: role.role, of: role.name, configHash: role.configHash }),
    ),
  );
  const observation = { instances, servers: [], obstacles: [], leaving: [] };
  return { cluster, topology: plan, observation, signal: signalOf(), ...change };
};

const without = (base: Facts, name: string): Facts => ({
  ...base,
  observation: {
    ...base.observation,
    instances: base.observation.instances.filter(({ instance }) => instance !== name),
  },
});
const changed = (base: Facts, name: string, change: Partial<Instance>): Facts => ({
  ...base,
  observation: {
    ...base.observation,
    instances: base.observation.instances.map((it) => (it.instance === name ? { ...it, ...change } : it)),
  },
});
const condition = (it: Facts, type: ConditionType) => {
  const found = statusOf(it, undefined, 0).conditions.find((condition) => condition.type === type);
  return [found?.status, found?.reason, found?.message];
};
const broken = { state: "failing" as const, restarts: 6, message: "it threw" };
const report = (node: string, connections: number, carried = 0) => ({ node, connections, carried, draining: false });
const holding = (connections: number) =>
  signalOf({
    gateways: [report("chat-gateway-0-ab12", connections - 50, 50), report("chat-gateway-1-ab12", 0)],
  });
const hub = { servers: { broker: false, adapter: false, store: true } };

describe("conditions", () => {
  const cases: [string, Facts, ConditionType, unknown[]][] = [
    ["all is there", facts(), "Ready", ["True", "Serving", "2/2 gateways ready"]],
    ["all is there", facts(), "Reconciling", ["False", "Done", "generation 3 is in place"]],
    ["all is there", facts(), "WorkersReady", ["True", "AllReady", "2/2 workers ready in 1 pools"]],
    [
      "the clients can be sent away in time",
      facts(SPEC, { signal: holding(7000) }),
      "DrainPaced",
      [
        "True",
        "WithinGrace",
        "7383 connections can be sent away within gateway.drain.graceSeconds at gateway.drain.reconnectsPerSecond",
      ],
    ],
    [
      "there are too many clients for pace and grace",
      facts(SPEC, { signal: holding(9950) }),
      "DrainPaced",
      [
        "False",
        "GraceTooShort",
        "10000 connections will be sent away at 233/s instead of 171/s when all gateways roll: raise gateway.drain.graceSeconds to 80 or gateway.drain.reconnectsPerSecond to 266",
      ],
    ],
    [
      "there will be, when as many come as are planned",
      facts({ gateway: { autoscaling: { minReplicas: 2 } } }),
      "DrainPaced",
      [
        "False",
        "GraceTooShort",
        "10000 connections (2 × gateway.autoscaling.connectionsPerReplica) will be sent away at 233/s instead of 171/s when all gateways roll: raise gateway.drain.graceSeconds to 80 or gateway.drain.reconnectsPerSecond to 266",
      ],
    ],
    [
      "nothing is heard of the clients",
      facts(SPEC, { signal: undefined }),
      "DrainPaced",
      ["Unknown", "NoSignal", "not all gateways have told how many connections they have"],
    ],
    [
      "a gateway that is cut off tells of its own alone",
      facts(SPEC, { signal: signalOf({ ...holding(100).snapshot, ...hub }) }),
      "DrainPaced",
      ["Unknown", "NoSignal", expect.any(String)],
    ],
    [
      "a gateway does not tell",
      facts(SPEC, { signal: signalOf({ gateways: [report("chat-gateway-0-ab12", 100)] }) }),
      "DrainPaced",
      ["Unknown", "NoSignal", expect.any(String)],
    ],
    [
      "a gateway does not tell, and what the others have is too much",
      facts(SPEC, { signal: signalOf({ gateways: [report("chat-gateway-0-ab12", 9000)] }) }),
      "DrainPaced",
      ["False", "GraceTooShort", expect.any(String)],
    ],
    [
      "there is no gateway",
      facts({ gateway: { replicas: 0 } }, { signal: undefined }),
      "DrainPaced",
      ["True", "WithinGrace", expect.any(String)],
    ],
    [
      "that the pace will not be kept keeps nobody from being served",
      facts(SPEC, { signal: holding(9950) }),
      "Ready",
      ["True", "Serving", "2/2 gateways ready"],
    ],
    [
      "a gateway is missing",
      without(facts(), "chat-gateway-1"),
      "GatewaysReady",
      ["False", "Waiting", "1/2 gateways ready"],
    ],
    [
      "a gateway is missing",
      without(facts(), "chat-gateway-1"),
      "Ready",
      ["False", "NotGatewaysReady", "1/2 gateways ready"],
    ],
    [
      "a gateway is missing",
      without(facts(), "chat-gateway-1"),
      "Reconciling",
      ["True", "Progressing", "changing gateway"],
    ],
    [
      "gateways of two configurations are ready, and clients are sent to one",
      changed(facts(), "chat-gateway-1", { configHash: "old" }),
      "GatewaysReady",
      ["False", "Waiting", "1/2 gateways ready"],
    ],
    [
      "no gateway is wanted",
      facts({ gateway: { replicas: 0 } }),
      "GatewaysReady",
      ["True", "NoGateways", "0 gateways wanted"],
    ],
    [
      "a gateway cannot start",
      changed(facts(), "chat-gateway-0", broken),
      "GatewaysReady",
      ["False", "Failing", "1/2 gateways ready; chat-gateway-0: it threw"],
    ],
    [
      "a worker cannot start",
      changed(facts(), "chat-worker-a-1", broken),
      "WorkersReady",
      ["False", "Failing", "workers ready: a 1/2; chat-worker-a-1: it threw"],
    ],
    [
      "a worker cannot start",
      changed(facts(), "chat-worker-a-1", broken),
      "Stalled",
      ["True", "CannotStart", "1 cannot start; chat-worker-a-1 after 6 restarts: it threw"],
    ],
    [
      "a quota forbids more pods",
      facts(SPEC, {
        observation: {
          ...without(facts(), "chat-worker-a-1").observation,
          obstacles: [{ of: "worker-a", reason: "QuotaExceeded", message: "raise the quota", isLasting: true }],
        },
      }),
      "WorkersReady",
      ["False", "QuotaExceeded", "workers ready: a 1/2; raise the quota"],
    ],
    [
      "a worker has failed once",
      changed(facts(), "chat-worker-a-1", { ...broken, restarts: 1 }),
      "Stalled",
      ["False", "NotStalled", "0 processes fail to start"],
    ],
    [
      "the gateways have the old configuration",
      changed(changed(facts(), "chat-gateway-0", { configHash: "old" }), "chat-gateway-1", { configHash: "old" }),
      "Ready",
      ["False", "Progressing", "changing gateway"],
    ],
    [
      "a process of before still stops",
      facts(SPEC, {
        observation: {
          ...facts().observation,
          instances: [
            ...facts().observation.instances,
            instanceOf("chat-worker-a-2", { role: "worker", of: "worker-a", pool: "a", state: "stopping" }),
          ],
        },
      }),
      "Ready",
      ["False", "Progressing", "changing worker-a"],
    ],
    [
      "a pool was removed",
      facts({}, { observation: facts().observation }),
      "Reconciling",
      ["True", "Progressing", "2 to be removed"],
    ],
    [
      "nobody tells",
      facts(SPEC, { signal: undefined }),
      "BrokerReady",
      ["Unknown", "NoSignal", "no gateway has told whether the hub answers as broker"],
    ],
    [
      "nobody tells",
      facts(SPEC, { signal: undefined }),
      "Ready",
      [
        "Unknown",
        "NotAdapterReady",
        "no gateway has told whether the hub answers as adapter; no gateway has told whether the hub answers as broker",
      ],
    ],
    [
      "the broker is away",
      facts(SPEC, { signal: signalOf(hub) }),
      "BrokerReady",
      ["False", "Disconnected", "the hub does not answer the gateways as broker"],
    ],
    [
      "the broker is away and no pool needs it",
      facts({}, { signal: signalOf(hub) }),
      "BrokerReady",
      ["True", "NotNeeded", "0 pools"],
    ],
    [
      "the adapter is away",
      facts(SPEC, { signal: signalOf(hub) }),
      "AdapterReady",
      ["False", "Disconnected", "the hub does not answer the gateways as adapter"],
    ],
    [
      "it is suspended",
      facts({ suspend: true }),
      "Paused",
      ["True", "Suspended", "spec.suspend is true: nothing is changed until it is false"],
    ],
    ["it is not suspended", facts(), "Paused", ["False", "NotSuspended", "changes are applied"]],
    [
      "there is no authentication",
      facts(),
      "AuthenticationConfigured",
      ["False", "Absent", expect.stringMatching(/^spec.gateway.auth is not set/)],
    ],
    [
      "there is authentication",
      facts({ gateway: { auth: { jwt: { jwksUrl: "https://example.com/keys" } } } }),
      "AuthenticationConfigured",
      ["True", "Configured", "connections are authenticated"],
    ],
    [
      "the resource asks for what cannot be served",
      { ...facts(), topology: { ...facts().topology, problems: [{ path: "spec.version", message: "unknown" }] } },
      "Ready",
      ["False", "InvalidSpec", expect.stringMatching(/^spec.version: unknown/)],
    ],
  ];
  test.each(cases)("%s: %#", (_given, it, type, expected) => {
    expect(condition(it, type)).toEqual(expected);
  });
});

describe("counts that follow their load", () => {
  const spec = {
    gateway: { autoscaling: { maxReplicas: 3 } },
    workers: [{ name: "a", events: ["a:*"], autoscaling: { minReplicas: 1 } }],
  };
  const base = facts(spec);
  const scalings = (change: Partial<Scaling> = {}) =>
    base.topology.roles
      .filter(({ scale }) => scale !== undefined)
      .map((role): Scaling => {
        const decision = {
          from: 1,
          to: role.count,
          reason: "Backlog" as const,
          detail: "backlog 7, target 5",
          at: 1000,
        };
        return {
          role,
          desired: role.count,
          decision,
          isLimited: false,
          doubt: undefined,
          inHand: new Map(),
          ...change,
        };
      });
  const followed = (change?: Partial<Scaling>): Facts => ({ ...base, scalings: scalings(change) });
  const doubt = { reason: "LoadUnknown" as const, message: "held at 1: its backlog is unknown" };

  test.each<[string, Facts, ConditionType, unknown[]]>([
    ["all do", followed(), "ScalingActive", ["True", "FollowsLoad", "2 counts follow their load"]],
    [
      "nothing is too much",
      followed(),
      "ScalingLimited",
      ["False", "WithinLimits", "no load asks for more than maxReplicas"],
    ],
    ["none is to", facts(), "ScalingActive", [undefined, undefined, undefined]],
    [
      "a load is unknown",
      followed({ doubt }),
      "ScalingActive",
      ["False", "LoadUnknown", `gateways: ${doubt.message}; a: ${doubt.message}`],
    ],
    [
      "a load is too much",
      followed({ isLimited: true }),
      "ScalingLimited",
      ["True", "TooManyReplicas", "the load asks for more than maxReplicas: gateways 3, a 10"],
    ],
    ["a load is unknown", followed({ doubt }), "Ready", ["True", "Serving", "2/2 gateways ready"]],
  ])("%s: %#", (_given, it, type, expected) => {
    expect(condition(it, type)).toEqual(expected);
  });

  test("are told with what was decided last", () => {
    expect(statusOf(followed(), undefined, 0).scaling).toEqual([
      {
        name: "gateway",
        desired: 2,
        actual: 2,
        reason: "Backlog",
        message: "gateways 1 → 2: backlog 7, target 5",
        at: "1970-01-01T00:00:01Z",
      },
      {
        name: "worker-a",
        desired: 1,
        actual: 1,
        reason: "Backlog",
        message: "a 1: backlog 7, target 5",
        at: "1970-01-01T00:00:01Z",
      },
    ]);
    expect(statusOf(facts(), undefined, 0).scaling).toBeUndefined();
  });
});

test("what was said of pace and grace stays while a gateway does not tell, but not for another generation", () => {
  const drainPaced = (signal: Facts["signal"], generation: number, previous?: ClusterStatus) => {
    const it = facts(SPEC, { signal });
    const status = statusOf({ ...it, topology: { ...it.topology, generation } }, previous, 0);
    return { status, said: status.conditions.find(({ type }) => type === "DrainPaced")?.reason };
  };
  const before = drainPaced(holding(9950), 3).status;
  expect(drainPaced(undefined, 3, before).said).toBe("GraceTooShort");
  expect(drainPaced(undefined, 4, before).said).toBe("NoSignal");
});

test("a condition keeps its time while its status stays", () => {
  const before = statusOf(without(facts(), "chat-gateway-1"), undefined, 1000);
  const same = statusOf(without(facts(), "chat-gateway-0"), before, 2000);
  const after = statusOf(facts(), same, 3000);
  const times = [before, same, after].map(
    ({ conditions }) => conditions.find(({ type }) => type === "GatewaysReady")?.lastTransitionTime,
  );
  expect(times).toEqual(["1970-01-01T00:00:01.000Z", "1970-01-01T00:00:01.000Z", "1970-01-01T00:00:03.000Z"]);
  expect(after.conditions.every(({ observedGeneration }) => observedGeneration === 3)).toBe(true);
});

test("pools tell their backlog and dead letters where they are known", () => {
  const pools = [{ pool: "a", ready: 5, unacked: 2, dead: 1 }];
  expect(statusOf(facts(SPEC, { signal: signalOf({ pools }) }), undefined, 0).pools).toEqual([
    { name: "a", replicas: 2, ready: 2, backlog: 7, dead: 1 },
  ]);
  expect(statusOf(facts(SPEC, { signal: undefined }), undefined, 0).pools).toEqual([
    { name: "a", replicas: 2, ready: 2 },
  ]);
});
