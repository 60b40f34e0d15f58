import { describe, expect, test } from "@jest/globals";
import type { Observation, Obstacle } from "../port.ts";
import { clusterOf, instanceOf, signalOf } from "../testing.ts";
import { topology } from "../topology/topology.ts";
import { invalidStatus } from "./invalid.ts";
import type { ConditionType, Facts } from "./model.ts";
import { statusOf } from "./status.ts";

const POOL = { name: "a", events: ["a:*"], replicas: 2 };
const SPEC = { workers: [POOL] };
const HEARD = [{ pool: "a", ready: 0, unacked: 0 }];

interface Change {
  observation?: Partial<Observation>;
  signal?: Facts["signal"];
  leaving?: Parameters<typeof statusOf>[0]["topology"]["liveConfig"]["pools"];
}

/** A cluster of pods in which all is as it is wanted, but for what is said. */
const facts = (spec: object = SPEC, change: Change = {}): Facts => {
  const cluster = clusterOf(spec, 3);
  const release = { version: "0.1.0", image: "realtimecluster/realtime:0.1.0" };
  const plan = topology(cluster, { managedAs: "server", release, leaving: change.leaving ?? [] });
  const instances = plan.roles.flatMap((role) =>
    Array.from({ length: role.count }, (_, i) =>
      instanceOf(`chat-${role.name}-${i}`, {
        role: role.role,
        of: role.name,
        configHash: role.configHash,
        ...(role.pool === undefined ? {} : { pool: role.pool }),
      }),
    ),
  );
  const observation = { instances, servers: [], obstacles: [], leaving: [], version: "0.1.0", ...change.observation };
  return {
    cluster,
    topology: plan,
    observation,
    signal: "signal" in change ? change.signal : signalOf({ pools: HEARD }),
  };
};

const obstacle = (of: string, rest: Partial<Obstacle> = {}): Obstacle => ({
  of,
  reason: "Because",
  message: "it is in the way",
  isLasting: false,
  ...rest,
});
const withObstacle = (of: string, rest: Partial<Obstacle> = {}, spec: object = SPEC): Facts =>
  facts(spec, { observation: { obstacles: [obstacle(of, rest)] } });
const missing = (it: Facts, name: string): Facts => ({
  ...it,
  observation: { ...it.observation, instances: it.observation.instances.filter(({ instance }) => instance !== name) },
});
const stale = (it: Facts): Facts => ({
  ...it,
  observation: { ...it.observation, instances: it.observation.instances.map((one) => ({ ...one, configHash: "old" })) },
});
const rabbitmq = (ready: number, wanted: number, message?: string) => [
  { name: "rabbitmq" as const, ready, wanted, ...(message === undefined ? {} : { message }) },
];
const away = { servers: { broker: false, adapter: true, store: true }, pools: HEARD };
const old = { name: "old", events: ["old"], mode: "job" as const, orderBy: "none", concurrency: 1, timeoutSeconds: 1 };
const leaving = [{ ...old, retry: { attempts: 1, backoffSeconds: 1, maxBackoffSeconds: 1 } }];
const lb = { ...SPEC, gateway: { expose: { type: "LoadBalancer" } } };

const condition = (it: Facts, type: ConditionType) => {
  const found = statusOf(it, undefined, 0).conditions.find((condition) => condition.type === type);
  return [found?.status, found?.reason, found?.message];
};

describe("conditions of a cluster of pods", () => {
  const cases: [string, Facts, ConditionType, unknown[]][] = [
    ["all is there", facts(), "Ready", ["True", "Serving", "2/2 gateways ready"]],
    ...(["Reconciling", "Ready"] as const).map((type): [string, Facts, ConditionType, unknown[]] => [
      "something could not be written though all serve",
      withObstacle("gateway", { reason: "WriteFailed" }),
      type,
      [type === "Ready" ? "False" : "True", "WriteFailed", "it is in the way"],
    ]),
    [
      "a change could not be written, and says so before what else is wrong",
      facts(SPEC, {
        observation: {
          instances: [],
          obstacles: [obstacle("gateway"), obstacle("gateway", { reason: "WriteFailed", message: "500" })],
        },
      }),
      "Reconciling",
      ["True", "WriteFailed", "changing gateway, worker-a; 500"],
    ],
    ["nobody outside is to reach it", facts(), "Exposed", ["True", "NotNeeded", "clients inside the cluster alone"]],
    [
      "the load balancer waits",
      withObstacle("expose", { reason: "AddressPending" }, lb),
      "Exposed",
      ["False", "AddressPending", "it is in the way"],
    ],
    ["the load balancer waits", withObstacle("expose", {}, lb), "Ready", ["False", "NotExposed", "it is in the way"]],
    [
      "the load balancer waits",
      withObstacle("expose", {}, lb),
      "Stalled",
      ["False", "NotStalled", "0 processes fail to start"],
    ],
    [
      "nobody gives a load balancer for a minute",
      facts(lb, { observation: { obstacles: [obstacle("expose"), obstacle("expose", { reason: "Late" })] } }),
      "Exposed",
      ["False", "Late", "it is in the way"],
    ],
    ["the load balancer is there", facts(lb), "Exposed", ["True", "LoadBalancer", "the load balancer has an address"]],
    [
      "there is an Ingress",
      facts({ gateway: { expose: { type: "Ingress", ingress: { host: "chat.example.com" } } } }),
      "Exposed",
      ["True", "Ingress", "an Ingress for chat.example.com"],
    ],
    [
      "the Gateway API is missing",
      withObstacle("expose", { isLasting: true }),
      "Stalled",
      ["True", "Because", "it is in the way"],
    ],
    [
      "nothing is left behind",
      facts(),
      "DataRetained",
      ["False", "NothingRetained", "nothing is kept that the resource does not ask for"],
    ],
    [
      "a server was removed",
      withObstacle("data", { isLasting: true, reason: "ServerKept" }),
      "DataRetained",
      ["True", "ServerKept", "it is in the way"],
    ],
    [
      "a server was removed",
      withObstacle("data", { isLasting: true }),
      "Stalled",
      ["False", "NotStalled", "0 processes fail to start"],
    ],
    [
      "a server was removed",
      withObstacle("data", { isLasting: true }),
      "Ready",
      ["True", "Serving", "2/2 gateways ready"],
    ],
    [
      "a pool was removed whose queue has jobs",
      facts(SPEC, {
        leaving,
        observation: {
          instances: [...facts().observation.instances, instanceOf("chat-old", { of: "worker-old", pool: "old" })],
        },
        signal: signalOf({ pools: [...HEARD, { pool: "old", ready: 10, unacked: 2 }] }),
      }),
      "DataRetained",
      [
        "True",
        "PoolLeaving",
        "pool old leaves when its 12 jobs are done, or without them by the annotation realtimecluster.dev/release=worker-old",
      ],
    ],
    [
      "a gateway is missing and Kubernetes says why",
      missing(withObstacle("gateway"), "chat-gateway-0"),
      "GatewaysReady",
      ["False", "Because", "1/2 gateways ready; it is in the way"],
    ],
    [
      "a worker is missing and Kubernetes says why",
      missing(withObstacle("worker-a", { isLasting: true, reason: "ImagePullBackOff" }), "chat-worker-a-0"),
      "WorkersReady",
      ["False", "ImagePullBackOff", "workers ready: a 1/2; it is in the way"],
    ],
    [
      "an image cannot be pulled while the old pods serve",
      stale(withObstacle("worker-a", { isLasting: true, reason: "ImagePullBackOff" })),
      "Ready",
      ["False", "ImagePullBackOff", "it is in the way"],
    ],
    [
      "an image cannot be pulled while the old pods serve",
      stale(withObstacle("worker-a", { isLasting: true })),
      "Reconciling",
      ["False", "Stalled", "waits: changing gateway, worker-a"],
    ],
    [
      "RabbitMQ starts and no gateway tells",
      facts(SPEC, { signal: undefined, observation: { servers: rabbitmq(0, 1, "it starts") } }),
      "BrokerReady",
      ["False", "ServerNotReady", "rabbitmq: 0/1 ready; it starts"],
    ],
    [
      "RabbitMQ is away",
      facts(SPEC, { signal: signalOf(away), observation: { servers: rabbitmq(1, 3) } }),
      "BrokerReady",
      ["False", "ServerNotReady", "rabbitmq: 1/3 ready"],
    ],
    [
      "two of three RabbitMQ do the work",
      facts(SPEC, { observation: { servers: rabbitmq(2, 3) } }),
      "BrokerReady",
      ["True", "Connected", "rabbitmq answers as broker; 2/3 ready"],
    ],
    [
      "a server's volume finds no room",
      facts(SPEC, { signal: undefined, observation: { servers: rabbitmq(0, 1), obstacles: [obstacle("servers")] } }),
      "BrokerReady",
      ["False", "Because", "rabbitmq: 0/1 ready; it is in the way"],
    ],
    [
      "the hub starts",
      missing(facts({ ...SPEC, broker: { type: "zeromq" } }, { signal: undefined }), "chat-hub-0"),
      "BrokerReady",
      ["False", "ServerNotReady", "the hub: 0/1 ready"],
    ],
    [
      "the gateways have not heard of a pool",
      facts(SPEC, { signal: signalOf() }),
      "Ready",
      ["False", "Progressing", "telling the gateways of a"],
    ],
    [
      "new workers do not come up while the former ones serve on",
      stale(withObstacle("worker-a", { reason: "Crashing" })),
      "Ready",
      ["False", "Crashing", "changing gateway, worker-a; it is in the way"],
    ],
    [
      "a gateway of before drains over its grace",
      facts(SPEC, {
        observation: {
          instances: [
            ...facts().observation.instances,
            instanceOf("chat-gateway-old", { configHash: "old", state: "stopping" }),
          ],
        },
      }),
      "Ready",
      ["True", "Serving", "2/2 gateways ready"],
    ],
    [
      "a hub is left from before and keeps its jobs",
      facts(SPEC, {
        observation: {
          instances: [...facts().observation.instances, instanceOf("chat-hub-0", { role: "hub", of: "hub" })],
          obstacles: [obstacle("data", { reason: "ServerKept", isLasting: true })],
        },
      }),
      "Ready",
      ["True", "Serving", "2/2 gateways ready"],
    ],
    [
      "it is suspended with a change held back",
      stale(facts({ ...SPEC, suspend: true })),
      "Ready",
      ["False", "Suspended", "generation 3 is held back: changing gateway, worker-a"],
    ],
    ["it is suspended as it is", facts({ ...SPEC, suspend: true }), "Ready", ["True", "Serving", "2/2 gateways ready"]],
    [
      "it is suspended",
      facts({ suspend: true }),
      "Paused",
      [
        "True",
        "Suspended",
        "spec.suspend or the annotation realtimecluster.dev/pause is true: nothing is changed until neither is",
      ],
    ],
  ];
  test.each(cases)("%s: %#", (_given, it, type, expected) => {
    expect(condition(it, type)).toEqual(expected);
  });
});

test("a pool that leaves with jobs left does not keep a cluster from being Ready", () => {
  const instances = [...facts().observation.instances, instanceOf("chat-old", { of: "worker-old", pool: "old" })];
  expect(condition(facts(SPEC, { observation: { instances } }), "Reconciling")[0]).toBe("True");
  expect(condition(facts(SPEC, { leaving, observation: { instances } }), "Ready")[0]).toBe("True");
});

test("counts and the release that runs", () => {
  expect(statusOf(missing(facts(), "chat-gateway-0"), undefined, 0)).toMatchObject({
    version: "0.1.0",
    gateways: { ready: 1, wanted: 2 },
    workers: { ready: 2, wanted: 2 },
  });
});

test("a resource that makes no sense: every field that is wrong, nothing on its way", () => {
  const problem = (path: string) => ({ path, message: "is wrong" });
  const { conditions, observedGeneration } = invalidStatus([problem("spec.a"), problem("spec.b")], 7, 0);
  expect(observedGeneration).toBe(7);
  expect(conditions.map(({ type, status, reason, message }) => [type, status, reason, message])).toEqual([
    ["Ready", "False", "InvalidSpec", "spec.a: is wrong; spec.b: is wrong"],
    ["Reconciling", "False", "Held", "nothing is being changed"],
    ["Stalled", "True", "InvalidSpec", "spec.a: is wrong; spec.b: is wrong"],
  ]);
  const many = Array.from({ length: 20 }, (_, i) => problem(`spec.${i}`));
  expect(invalidStatus(many, 1, 0).conditions[0]?.message).toMatch(/spec\.7: is wrong \(and 12 more\)$/);
});
