import { describe, expect, test } from "@jest/globals";
import type { KubeObject, Ref } from "../runtime/object.ts";
import { gatewayRoleOf } from "./gateway-revisions.ts";
import { labelsOf, LABEL } from "./labels.ts";
import type { Plan } from "./model.ts";
import { childNames } from "./names.ts";
import { planOf } from "./plan.ts";
import { revisionOf } from "./revision.ts";
import { isWorkload, workloadOf } from "./testing/pods.ts";
import { CHAT, EVERYTHING, given, LONGEST, type Given } from "./testing/resources.ts";
import { violations } from "./testing/restricted.ts";

const names = (items: readonly (KubeObject | Ref)[]): string[] =>
  items.map((it) => `${it.kind} ${"metadata" in it ? it.metadata.name : it.name}`);
const plan = (it: Given = {}): Plan => planOf(given(it));
const ofKind = (it: Given, kind: string): string[] =>
  plan(it)
    .objects.filter((object) => object.kind === kind)
    .map(({ metadata }) => metadata.name);
const find = ({ objects }: Plan, kind: string, name: string): KubeObject => {
  const found = objects.find((it) => it.kind === kind && it.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind} ${name}`);
  return found;
};
const live = (object: KubeObject, more: Record<string, unknown> = {}): KubeObject => ({
  ...object,
  ...more,
  metadata: { ...object.metadata, namespace: "default", uid: `uid-${object.metadata.name}` },
});

const resources: [string, Given][] = [
  ["an empty spec", {}],
  ["the chat example", { spec: CHAT }],
  ["everything set", { spec: EVERYTHING }],
  ["all by the hub", { spec: { ...CHAT, adapter: { type: "zeromq" }, broker: { type: "zeromq" } } }],
  ["names at their limits", LONGEST],
];

describe.each(resources)("%s", (_what, it) => {
  const { objects } = plan(it);
  const cluster = it.name ?? "chat";

  test("its pods meet Pod Security's restricted, and our own word", () => {
    const found = objects
      .filter(isWorkload)
      .map((object) => [object.metadata.name, violations(workloadOf(object).template.spec)]);
    expect(found).toEqual(found.map(([name]) => [name, []]));
    expect(found.length).toBeGreaterThan(0);
  });

  test("each object is there once, belongs to the cluster and leaves its place and its owner to the applier", () => {
    expect(new Set(names(objects)).size).toBe(objects.length);
    for (const { metadata } of objects) {
      expect(metadata.labels?.[LABEL.cluster]).toBe(cluster);
      expect(metadata.namespace).toBeUndefined();
      expect(metadata.ownerReferences).toBeUndefined();
    }
  });

  test("every name is a DNS label", () => {
    for (const { metadata } of objects) expect(metadata.name).toMatch(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/);
  });

  test("pods carry what their workload selects, and no version is in a selector", () => {
    for (const object of objects.filter(isWorkload)) {
      const { selector, template } = workloadOf(object);
      expect(template.metadata.labels).toMatchObject(selector.matchLabels);
      expect(selector.matchLabels).not.toHaveProperty("app.kubernetes.io/version");
    }
  });

  test("what is mounted is there: accounts and files are written, Secrets made, before the pods", () => {
    const { secrets } = plan(it);
    const made = new Set(secrets.map(({ name }) => name));
    const all = names(objects);
    for (const object of objects.filter(isWorkload)) {
      const place = all.indexOf(names([object])[0] ?? "");
      const { spec } = workloadOf(object).template;
      const text = JSON.stringify(spec.volumes);
      const configMaps = [...text.matchAll(/"configMap":\{"name":"([^"]+)"/g)].map(([, name]) => `ConfigMap ${name}`);
      for (const needed of configMaps) expect(all.slice(0, place)).toContain(needed);
      const own = [...text.matchAll(/"secret(?:Name"|":{"name"):"([^"]+)"/g)].map(([, name = ""]) => name);
      for (const name of own.filter((name) => name.startsWith(`${cluster}-`))) expect(made).toContain(name);
      if (spec.serviceAccountName.startsWith(`${cluster}-`))
        expect(all.slice(0, place)).toContain(`ServiceAccount ${spec.serviceAccountName}`);
    }
  });

  test("the clients' way in is written after the gateways", () => {
    const all = names(objects);
    const gateways = all.findIndex((name) => name.startsWith(`Deployment ${cluster}-gateway-`));
    expect(all.indexOf(`Service ${cluster}-gateway`)).toBeGreaterThan(gateways);
  });

  test("made twice from the same it is the same", () => {
    expect(plan(it)).toEqual(plan(it));
  });
});

describe("what there is for what is said", () => {
  const pool = (rest: object) => ({ spec: { workers: [{ name: "w", events: ["w"], ...rest }] } });
  const worker = childNames("chat").worker("w");
  const cases: [string, Given, string, string[]][] = [
    ["no API, no Service for it", {}, "Service", ["chat-peers", "chat-redis", "chat-gateway"]],
    [
      "an API has a Service of its own",
      { spec: { gateway: { api: {} } } },
      "Service",
      ["chat-peers", "chat-api", "chat-redis", "chat-gateway"],
    ],
    [
      "the hub is a Deployment",
      { spec: { adapter: { type: "zeromq" } } },
      "Deployment",
      ["chat-hub", `chat-gateway-${revisionOf(gatewayRoleOf(given({ spec: { adapter: { type: "zeromq" } } })))}`],
    ],
    ["two gateways have a budget", {}, "PodDisruptionBudget", ["chat-gateway"]],
    ["one has none", { spec: { gateway: { replicas: 1 } } }, "PodDisruptionBudget", []],
    ["nor have none", { spec: { gateway: { replicas: 0 } } }, "PodDisruptionBudget", []],
    ["a pool of one has none", pool({ replicas: 1 }), "PodDisruptionBudget", ["chat-gateway"]],
    ["a pool of two has one", pool({ replicas: 2 }), "PodDisruptionBudget", ["chat-gateway", worker]],
    [
      "a pool that may grow has one also while it is small",
      pool({ autoscaling: { maxReplicas: 5 } }),
      "PodDisruptionBudget",
      ["chat-gateway", worker],
    ],
    [
      "an account for the gateways and one for each pool",
      pool({}),
      "ServiceAccount",
      ["chat-gateway", worker, "chat-redis", "chat-rabbitmq"],
    ],
    [
      "none where the user names one",
      pool({ serviceAccountName: "mine" }),
      "ServiceAccount",
      ["chat-gateway", "chat-redis", "chat-rabbitmq"],
    ],
    ["no policies where they are not wanted", { settings: { networkPolicies: false } }, "NetworkPolicy", []],
  ];
  test.each(cases)("%s", (_what, it, kind, expected) => {
    expect(ofKind(it, kind)).toEqual(expected);
  });

  test("budgets let what is not ready go", () => {
    expect(find(plan(), "PodDisruptionBudget", "chat-gateway")["spec"]).toEqual({
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: "AlwaysAllow",
      selector: { matchLabels: { [LABEL.cluster]: "chat", [LABEL.role]: "gateway" } },
    });
  });

  test("the API's Service has the number that the resource says, and any gateway answers", () => {
    const { objects } = plan({ spec: { gateway: { api: { port: 80 } } } });
    expect(objects.find(({ metadata }) => metadata.name === "chat-api")?.["spec"]).toMatchObject({
      ports: [{ port: 80, targetPort: "api" }],
      selector: { [LABEL.cluster]: "chat", [LABEL.role]: "gateway" },
    });
  });

  test("peers are found while they start and while they end", () => {
    expect(find(plan(), "Service", "chat-peers")["spec"]).toMatchObject({
      clusterIP: "None",
      publishNotReadyAddresses: true,
    });
  });

  test("the hub's address is what processes read as its settings", () => {
    const it = { namespace: "shop", spec: { adapter: { type: "zeromq" } } };
    expect(find(plan(it), "ConfigMap", "chat-hub")["data"]).toEqual({ uri: "tcp://chat-hub.shop.svc:3004" });
  });
});

test("gateways begin as those that clients are sent to, and stay their Deployment's while they are not", () => {
  const it = plan();
  const [gateway] = it.objects.filter(
    ({ kind, metadata }) => kind === "Deployment" && metadata.labels?.[LABEL.role] === "gateway",
  );
  if (gateway === undefined) throw new Error("no gateways");
  const { template, selector: own } = workloadOf(gateway);
  const { selector } = Object(find(it, "Service", "chat-gateway")["spec"]);
  expect(selector).toHaveProperty([LABEL.takesClients], "true");
  expect(template.metadata.labels).toMatchObject(selector);
  expect(own.matchLabels).not.toHaveProperty([LABEL.takesClients]);
});

describe("who may come in", () => {
  const zeromq = { adapter: { type: "zeromq" }, gateway: { api: {} } };
  const ours = (...values: string[]) => ({
    podSelector: {
      matchLabels: { [LABEL.cluster]: "chat" },
      matchExpressions: [{ key: LABEL.role, operator: "In", values }],
    },
  });
  const operators = { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "realtime-system" } } };
  const cases: [string, string, string, object[] | undefined][] = [
    ["clients from anywhere", "chat-gateway", "clients", undefined],
    ["probes from anywhere", "chat-gateway", "probes", undefined],
    ["callers of the API from any pod", "chat-gateway", "api", [{ namespaceSelector: {} }]],
    [
      "the control plane and the cluster's own",
      "chat-gateway",
      "control",
      [ours("gateway", "worker", "hub"), operators],
    ],
    ["to the links the other gateways alone", "chat-gateway", "link", [ours("gateway")]],
    ["to the hub the cluster's own gateways and workers", "chat-hub", "hub", [ours("gateway", "worker")]],
    ["to workers the probes", "chat-worker", "probes", undefined],
  ];
  test.each(cases)("%s", (_who, policy, port, from) => {
    const { spec } = find(plan({ spec: zeromq }), "NetworkPolicy", policy);
    expect(spec).toMatchObject({ policyTypes: ["Ingress"] });
    expect(spec).toHaveProperty(
      "ingress",
      expect.arrayContaining([{ ports: [{ port, protocol: "TCP" }], ...(from && { from }) }]),
    );
  });
  test("nothing is said of the way out", () => {
    for (const object of plan({ spec: EVERYTHING }).objects.filter(({ kind }) => kind === "NetworkPolicy"))
      expect(object["spec"]).not.toHaveProperty("egress");
  });
});

describe("what a change rolls", () => {
  const templates = (it: Given) =>
    Object.fromEntries(
      plan(it)
        .objects.filter(isWorkload)
        .map((object) => [
          object.metadata.labels?.[LABEL.pool] ?? object.metadata.labels?.[LABEL.role],
          workloadOf(object).template,
        ]),
    );
  const base = { workers: [{ name: "a", events: ["a"] }] };
  const cases: [string, Given, string[]][] = [
    [
      "nothing, for a count",
      { spec: { gateway: { replicas: 7 }, workers: [{ ...base.workers[0], replicas: 7 }] } },
      [],
    ],
    ["nothing, for another pool", { spec: { workers: [...base.workers, { name: "b", events: ["b"] }] } }, []],
    ["nothing, for a pool that leaves", { spec: base, leaving: ["gone"] }, []],
    ["nothing, for the way in", { spec: { ...base, gateway: { expose: { annotations: { a: "b" } } } } }, []],
    ["the pool, for its image", { spec: { workers: [{ ...base.workers[0], image: "x:2" }] } }, ["a"]],
    ["gateways and workers, for another release", { spec: base, version: "0.1.1" }, ["gateway", "a"]],
    [
      "gateways and workers, for a server of the user's",
      { spec: { ...base, servers: { redis: { secretRef: { name: "s" } } } } },
      ["gateway", "a"],
    ],
  ];
  test.each(cases)("%s", (_what, it, rolled) => {
    const [before, after] = [templates({ spec: base }), templates(it)];
    const changed = Object.keys(after).filter(
      (name) => before[name] !== undefined && JSON.stringify(before[name]) !== JSON.stringify(after[name]),
    );
    expect(changed).toEqual(rolled);
  });
});

describe("gateways roll by revision", () => {
  const before: Given = { spec: {} };
  const after: Given = { spec: { gateway: { limits: { eventsPerSecond: 9 } } } };
  const hash = (it: Given) => revisionOf(gatewayRoleOf(given(it)));
  const [a, b] = [hash(before), hash(after)];
  const revision = (of: string, ready: number): KubeObject => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      name: `chat-gateway-${of}`,
      namespace: "default",
      labels: { ...labelsOf("chat", "gateway"), [LABEL.revision]: of },
    },
    spec: { replicas: 2 },
    status: { replicas: 2, readyReplicas: ready },
  });
  const service = (selected: string): KubeObject => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "chat-gateway", namespace: "default", labels: labelsOf("chat", "gateway") },
    spec: { selector: { [LABEL.cluster]: "chat", [LABEL.role]: "gateway", [LABEL.revision]: selected } },
  });
  const leaving = {
    ...revision(a, 2),
    metadata: { ...revision(a, 2).metadata, deletionTimestamp: "2026-01-01T00:00:00Z" },
  };
  const deployment = (of: string) => `Deployment chat-gateway-${of}`;

  const cases: [string, Given, { selected: string; written: string; kept: string[] }][] = [
    ["the first", before, { selected: a, written: a, kept: [] }],
    [
      "the next one begins",
      { ...after, live: [revision(a, 2), service(a)] },
      { selected: a, written: b, kept: [deployment(a)] },
    ],
    [
      "it is not ready yet",
      { ...after, live: [revision(a, 2), revision(b, 1), service(a)] },
      { selected: a, written: b, kept: [deployment(a)] },
    ],
    [
      "it is",
      { ...after, live: [revision(a, 2), revision(b, 2), service(a)] },
      { selected: b, written: b, kept: [deployment(a)] },
    ],
    [
      "the Service has been switched",
      { ...after, live: [revision(a, 2), revision(b, 2), service(b)] },
      { selected: b, written: b, kept: [] },
    ],
    [
      "the old one is on its way out",
      { ...after, live: [leaving, revision(b, 2), service(b)] },
      { selected: b, written: b, kept: [] },
    ],
    [
      "undone while it begins",
      { ...before, live: [revision(a, 2), revision(b, 0), service(a)] },
      { selected: a, written: a, kept: [] },
    ],
  ];
  test.each(cases)("%s", (_when, it, { selected, written, kept }) => {
    const result = plan(it);
    const gateways = result.objects.filter(
      ({ kind, metadata }) => kind === "Deployment" && metadata.labels?.[LABEL.role] === "gateway",
    );
    expect(names(gateways)).toEqual([deployment(written)]);
    expect(names(result.kept)).toEqual(kept);
    expect(find(result, "Service", "chat-gateway")["spec"]).toMatchObject({ selector: { [LABEL.revision]: selected } });
  });

  test("a count that follows the load goes to the old one, too, until it is taken over", () => {
    const autoscaling = { minReplicas: 5 };
    const [old, next] = [{ autoscaling }, { autoscaling, limits: { eventsPerSecond: 9 } }].map((gateway) => ({
      spec: { gateway },
    }));
    const serving = hash(old ?? before);
    const { counts } = plan({ ...next, live: [revision(serving, 2), service(serving)] });
    expect(counts).toEqual([{ deployment: `chat-gateway-${serving}`, replicas: 5 }]);
  });

  test("the account of an old revision's stays while it rolls, also where the new one has the user's", () => {
    const account = {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "chat-gateway", namespace: "default" },
    };
    const own: Given = { spec: { gateway: { serviceAccountName: "mine" } } };
    const kept = (objects: KubeObject[]) => names(plan({ ...own, live: [account, ...objects] }).kept);
    expect(kept([revision(a, 2), service(a)])).toContain("ServiceAccount chat-gateway");
    expect(kept([revision(hash(own), 2), service(hash(own))])).toEqual([]);
  });
});

describe("who says how many", () => {
  const pool = (rest: object) => ({ spec: { workers: [{ name: "w", events: ["w"], ...rest }] } });
  const scaled = pool({ autoscaling: { minReplicas: 1, maxReplicas: 50 } });
  const external = pool({ autoscaling: { external: true, minReplicas: 2, maxReplicas: 50 } });
  const worker = childNames("chat").worker("w");
  const mark = { "realtimecluster.dev/counted-by": "scale" };
  const there = (replicas: number, annotations?: Record<string, string>): KubeObject => {
    const object = find(plan(pool({ replicas })), "Deployment", worker);
    return live({ ...object, metadata: { ...object.metadata, ...(annotations && { annotations }) } });
  };
  const cases: [string, Given, { replicas: number | undefined; count: number | undefined; marked: boolean }][] = [
    ["a fixed number is in the plan", pool({ replicas: 3 }), { replicas: 3, count: undefined, marked: false }],
    [
      "and put back where it was changed by hand",
      { ...pool({ replicas: 3 }), live: [there(9)] },
      { replicas: 3, count: undefined, marked: false },
    ],
    ["a pool of none is none", pool({ replicas: 0 }), { replicas: 0, count: undefined, marked: false }],
    [
      "one that scales is created with where it starts",
      { ...scaled, counts: { "worker-w": 4 } },
      { replicas: 4, count: undefined, marked: false },
    ],
    [
      "once there its count is taken by /scale",
      { ...scaled, counts: { "worker-w": 4 }, live: [there(4)] },
      { replicas: undefined, count: 4, marked: true },
    ],
    [
      "taken and true, nothing is written",
      { ...scaled, counts: { "worker-w": 4 }, live: [there(4, mark)] },
      { replicas: undefined, count: undefined, marked: true },
    ],
    [
      "taken and not true, it is",
      { ...scaled, counts: { "worker-w": 7 }, live: [there(4, mark)] },
      { replicas: undefined, count: 7, marked: true },
    ],
    ["an HPA's is created with its least", external, { replicas: 2, count: undefined, marked: false }],
    [
      "once there it is taken as it is",
      { ...external, live: [there(6)] },
      { replicas: undefined, count: 6, marked: true },
    ],
    [
      "and from then on left alone",
      { ...external, live: [there(40, mark)] },
      { replicas: undefined, count: undefined, marked: true },
    ],
    [
      "fixed again, it is the plan's again",
      { ...pool({ replicas: 3 }), live: [there(40, mark)] },
      { replicas: 3, count: undefined, marked: false },
    ],
  ];
  test.each(cases)("%s", (_what, it, { replicas, count, marked }) => {
    const result = plan(it);
    const object = find(result, "Deployment", worker);
    expect(workloadOf(object).replicas).toBe(replicas);
    expect(result.counts).toEqual(count === undefined ? [] : [{ deployment: worker, replicas: count }]);
    expect(object.metadata.annotations).toEqual(marked ? mark : undefined);
  });

  test("gateways too, where they follow the connections", () => {
    const it: Given = { spec: { gateway: { autoscaling: { maxReplicas: 9 } } }, counts: { gateway: 5 } };
    const first = plan(it);
    const found = first.objects.find(({ metadata }) => metadata.name.startsWith("chat-gateway-"));
    if (found === undefined) throw new Error("no gateways");
    const next = plan({ ...it, live: [live(found)] });
    expect(workloadOf(found).replicas).toBe(5);
    expect(next.counts).toEqual([{ deployment: found.metadata.name, replicas: 5 }]);
  });
});

describe("what stays though the resource no longer says it", () => {
  const pool = { workers: [{ name: "w", events: ["w"], replicas: 2 }] };
  const ofPool = plan({ spec: pool }).objects.filter(({ metadata }) => metadata.labels?.[LABEL.pool] === "w");
  const pod = live({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "w-0", labels: labelsOf("chat", "worker", "w") },
  });
  const there = [...ofPool.map((it) => live(it)), pod];

  test("a pool with jobs left: all of it as it is, but for pods, which are their Deployment's", () => {
    const { kept, objects } = plan({ live: there, leaving: ["w"] });
    expect(names(kept)).toEqual(names(ofPool));
    expect(names(objects)).not.toContain(`Deployment ${childNames("chat").worker("w")}`);
  });
  test("a pool without: nothing of it", () => {
    expect(plan({ live: there }).kept).toEqual([]);
  });

  const hub = plan({ spec: { adapter: { type: "zeromq" } } }).objects.filter(
    ({ metadata }) => metadata.labels?.[LABEL.role] === "hub",
  );
  test("a hub that nothing uses: it is named with the way out", () => {
    const { kept, obstacles } = plan({ live: hub.map((it) => live(it)) });
    expect(names(kept)).toEqual(names(hub));
    expect(obstacles).toEqual([
      {
        of: "data",
        reason: "ServerKept",
        message: expect.stringMatching(/^Deployment chat-hub still runs.* realtimecluster.dev\/release=hub$/),
        isLasting: true,
      },
    ]);
  });
  test("released, it goes", () => {
    const { kept, obstacles } = plan({ live: hub.map((it) => live(it)), released: ["hub"] });
    expect([kept, obstacles]).toEqual([[], []]);
  });
});

test("pools whose names run into each other have Deployments of their own", () => {
  const one = plan({ name: "a", spec: { workers: [{ name: "b-c", events: ["x"] }] } });
  const other = plan({ name: "a-worker-b", spec: { workers: [{ name: "c", events: ["x"] }] } });
  const deployments = ({ objects }: Plan) => names(objects).filter((name) => name.startsWith("Deployment"));
  expect(deployments(one).filter((name) => deployments(other).includes(name))).toEqual([]);
  const { worker } = childNames("a".repeat(30));
  expect(worker(`${"b".repeat(19)}c`)).not.toBe(worker(`${"b".repeat(19)}d`));
});
