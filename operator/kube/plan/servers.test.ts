import { describe, expect, test } from "@jest/globals";
import { jobsLeft } from "../rabbitmq/jobs-left.ts";
import type { KubeObject } from "../runtime/object.ts";
import type { PlanInput } from "./model.ts";
import { rabbitmq } from "./rabbitmq.ts";
import { redis } from "./redis.ts";
import { secrets, serverSecretName } from "./secrets.ts";
import { serversLeft } from "./servers-left.ts";
import { inputOf, liveClaim, liveObject, liveStatefulSet } from "./testing/servers.ts";

const managed = (server: string, fields: Record<string, unknown>) => ({ servers: { [server]: { managed: fields } } });
const kinds = (objects: readonly KubeObject[] = []) =>
  objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort();

describe("secrets", () => {
  const names = (input: PlanInput) => (secrets(input).secrets ?? []).map(({ name }) => name);
  test.each<[string, PlanInput, string[]]>([
    ["managed servers have passwords", inputOf(), ["chat-keys", "chat-redis", "chat-rabbitmq", "chat-rabbitmq-cookie"]],
    [
      "external servers have theirs",
      inputOf({ servers: { redis: { secretRef: { name: "r" } }, rabbitmq: { secretRef: { name: "q" } } } }),
      ["chat-keys"],
    ],
    [
      "an API without keys gets one",
      inputOf({ adapter: { type: "zeromq" }, broker: { type: "zeromq" }, gateway: { api: {} } }),
      ["chat-keys", "chat-api", "chat-hub"],
    ],
    [
      "an API with keys gets none",
      inputOf({
        adapter: { type: "zeromq" },
        broker: { type: "zeromq" },
        gateway: { api: { keysSecretRef: { name: "k" } } },
      }),
      ["chat-keys", "chat-hub"],
    ],
    [
      "RabbitMQ's own operator makes its own",
      inputOf(managed("rabbitmq", { operator: "RabbitmqClusterOperator" })),
      ["chat-keys", "chat-redis"],
    ],
  ])("%s", (_, input, expected) => expect(names(input)).toEqual(expected));

  test("a server that still runs keeps its password though it is no longer wanted", () =>
    expect(names(inputOf({ broker: { type: "zeromq" } }, { live: [liveStatefulSet("rabbitmq")] }))).toContain(
      "chat-rabbitmq",
    ));

  test("the settings directory of each server", () => {
    expect(serverSecretName(inputOf(), "rabbitmq")).toBe("chat-rabbitmq");
    expect(serverSecretName(inputOf(managed("rabbitmq", { operator: "RabbitmqClusterOperator" })), "rabbitmq")).toBe(
      "chat-rabbit-default-user",
    );
  });
});

describe("what is run", () => {
  test.each<[string, PlanInput, string[]]>([
    ["Redis and a node of RabbitMQ", inputOf(), ["StatefulSet chat-rabbitmq", "StatefulSet chat-redis"]],
    ["no RabbitMQ without a pool", inputOf({ workers: [] }), ["StatefulSet chat-redis"]],
    [
      "RabbitMQ without a pool where it is the adapter, and no Redis",
      inputOf({ workers: [], adapter: { type: "rabbitmq" } }),
      ["StatefulSet chat-rabbitmq"],
    ],
    [
      "three nodes have a budget",
      inputOf(managed("rabbitmq", { replicas: 3 })),
      ["PodDisruptionBudget chat-rabbitmq", "StatefulSet chat-rabbitmq", "StatefulSet chat-redis"],
    ],
    [
      "RabbitMQ by its own operator",
      inputOf(managed("rabbitmq", { operator: "RabbitmqClusterOperator" })),
      ["RabbitmqCluster chat-rabbit", "StatefulSet chat-redis"],
    ],
    [
      "nothing where its operator is missing",
      inputOf(managed("rabbitmq", { operator: "RabbitmqClusterOperator" }), { settings: { isServed: () => false } }),
      ["StatefulSet chat-redis"],
    ],
  ])("%s", (_, input, expected) => {
    const objects = [...(redis(input).objects ?? []), ...(rabbitmq(input).objects ?? [])];
    const shown = objects.filter(
      ({ kind }) => !["Service", "ServiceAccount", "ConfigMap", "NetworkPolicy"].includes(kind),
    );
    expect(kinds(shown)).toEqual(expected);
  });

  test("a missing operator is said, with the way out", () => {
    const input = inputOf(managed("rabbitmq", { operator: "RabbitmqClusterOperator" }), {
      settings: { isServed: () => false },
    });
    expect(rabbitmq(input).obstacles).toMatchObject([{ of: "servers", reason: "KindMissing", isLasting: true }]);
  });

  test("no policy where policies are off", () => {
    const input = inputOf({}, { settings: { networkPolicies: false } });
    expect(kinds(redis(input).objects)).not.toContain("NetworkPolicy chat-redis");
  });

  const templateOf = (input: PlanInput) =>
    JSON.stringify(rabbitmq(input).objects?.find(({ kind }) => kind === "StatefulSet")?.["spec"]).replace(
      /"(replicas|storage)":[^,}]+/g,
      "",
    );
  test("more nodes and more storage restart none that runs", () => {
    const small = templateOf(inputOf(managed("rabbitmq", { replicas: 1, storage: "1Gi" })));
    expect(templateOf(inputOf(managed("rabbitmq", { replicas: 3, storage: "20Gi" })))).toBe(small);
  });
});

describe("size", () => {
  const sizeOf = (input: PlanInput) => {
    const { growths, replaced, obstacles } = redis(input);
    return { growths, replaced: replaced?.map(({ name }) => name), reasons: obstacles?.map(({ reason }) => reason) };
  };
  const grown = { claim: "data-chat-redis-0", storage: "2Gi", statefulSet: "chat-redis" };
  test.each<[string, string, KubeObject[], ReturnType<typeof sizeOf>]>([
    [
      "as it is",
      "1Gi",
      [liveStatefulSet("redis"), liveClaim("redis", 0, "1024Mi")],
      { growths: [], replaced: [], reasons: [] },
    ],
    [
      "grows",
      "2Gi",
      [liveStatefulSet("redis"), liveClaim("redis", 0, "1Gi")],
      { growths: [grown], replaced: ["chat-redis"], reasons: [] },
    ],
    [
      "grew by half",
      "2Gi",
      [liveStatefulSet("redis", { storage: "2Gi" }), liveClaim("redis", 0, "1Gi")],
      { growths: [grown], replaced: [], reasons: [] },
    ],
    [
      "does not shrink",
      "1000Mi",
      [liveStatefulSet("redis"), liveClaim("redis", 0, "1Gi")],
      { growths: [], replaced: [], reasons: ["StorageKept"] },
    ],
    [
      "finds a larger volume of before",
      "1Gi",
      [liveClaim("redis", 0, "5Gi")],
      { growths: [], replaced: [], reasons: ["StorageKept"] },
    ],
    [
      "leaves another's claims alone",
      "1Gi",
      [liveClaim("rabbitmq", 0, "500Mi")],
      { growths: [], replaced: [], reasons: [] },
    ],
  ])("%s", (_, storage, live, expected) =>
    expect(sizeOf(inputOf(managed("redis", { storage }), { live }))).toEqual(expected),
  );

  test("fewer nodes are refused, and as many stay", () => {
    const { objects, obstacles } = rabbitmq(
      inputOf({}, { live: [liveStatefulSet("rabbitmq", { replicas: 3, storage: "10Gi" })] }),
    );
    expect(objects?.find(({ kind }) => kind === "StatefulSet")?.["spec"]).toMatchObject({ replicas: 3 });
    expect(obstacles).toMatchObject([
      { of: "data", reason: "ReplicasKept", message: expect.stringContaining("write 3") },
    ]);
  });

  const byHand = (server: "redis" | "rabbitmq", nodes: number) => [
    liveStatefulSet(server, { replicas: nodes, storage: "10Gi" }),
    ...Array.from({ length: nodes }, (_, ordinal) => liveClaim(server, ordinal, "10Gi")),
  ];
  const sized = (part: typeof redis, input: PlanInput) => {
    const { objects, obstacles } = part(input);
    return [
      objects?.find(({ kind }) => kind === "StatefulSet" || kind === "RabbitmqCluster")?.["spec"],
      obstacles?.map(({ message }) => /write \d$/.exec(message)?.[0]),
    ];
  };
  test.each<[string, number, number, number, string[]]>([
    ["two that know each other become three, which the resource can say", 1, 2, 3, ["write 3"]],
    ["more than there may be go", 3, 5, 3, []],
    ["and no more of them go than are safe", 1, 5, 3, ["write 3"]],
    ["one of three comes back", 3, 2, 3, []],
  ])("nodes of RabbitMQ that somebody counted by hand: %s", (_, replicas, live, expected, ways) => {
    const input = inputOf(managed("rabbitmq", { replicas }), { live: byHand("rabbitmq", live) });
    expect(sized(rabbitmq, input)).toMatchObject([{ replicas: expected }, ways]);
  });
  test.each<[string, number, number, number, string[]]>([
    ["two become three", 1, 2, 3, ["write 3"]],
    ["it takes none away", 3, 5, 5, []],
    ["and the resource can say only three", 1, 5, 5, ["write 3"]],
  ])("nodes of a RabbitmqCluster that somebody counted by hand: %s", (_, replicas, live, expected, ways) => {
    const input = inputOf(managed("rabbitmq", { replicas, operator: "RabbitmqClusterOperator" }), {
      live: [liveObject("RabbitmqCluster", "chat-rabbit", "rabbitmq", { spec: { replicas: live } })],
    });
    expect(sized(rabbitmq, input)).toMatchObject([{ replicas: expected }, ways]);
  });
  test("a second Redis that somebody counted by hand goes, and nothing is said of the volume that it leaves", () => {
    const input = inputOf(managed("redis", { storage: "10Gi" }), { live: byHand("redis", 2) });
    expect(sized(redis, input)).toMatchObject([{ replicas: 1 }, []]);
  });
});

test("a StatefulSet that is gone comes back with a node for each volume that is left", () => {
  const live = [0, 1, 2].map((ordinal) => liveClaim("rabbitmq", ordinal, "10Gi"));
  const { objects, obstacles } = rabbitmq(inputOf({}, { live }));
  expect(objects?.find(({ kind }) => kind === "StatefulSet")?.["spec"]).toMatchObject({ replicas: 3 });
  expect(obstacles).toMatchObject([{ of: "data", reason: "ReplicasKept" }]);
});

describe("what is left", () => {
  const running = [
    liveStatefulSet("rabbitmq"),
    liveObject("Service", "chat-rabbitmq", "rabbitmq"),
    liveStatefulSet("redis"),
  ];
  test.each<[string, Record<string, unknown>, string[]]>([
    ["nothing where both are wanted", {}, []],
    ["RabbitMQ after a change of type", { broker: { type: "zeromq" } }, ["chat-rabbitmq", "chat-rabbitmq"]],
    ["RabbitMQ after the last pool", { workers: [] }, ["chat-rabbitmq", "chat-rabbitmq"]],
    [
      "RabbitMQ that is external now",
      { servers: { rabbitmq: { secretRef: { name: "q" } } } },
      ["chat-rabbitmq", "chat-rabbitmq"],
    ],
    [
      "RabbitMQ that its own operator runs now",
      managed("rabbitmq", { operator: "RabbitmqClusterOperator" }),
      ["chat-rabbitmq", "chat-rabbitmq"],
    ],
    ["Redis that is external now", { servers: { redis: { secretRef: { name: "r" } } } }, ["chat-redis"]],
  ])("%s", (_, spec, expected) => {
    const { kept, obstacles } = serversLeft(inputOf(spec, { live: running }));
    expect(kept?.map(({ name }) => name)).toEqual(expected);
    expect(obstacles?.map(({ reason }) => reason)).toEqual(expected.length === 0 ? [] : ["ServerKept"]);
  });

  test("a RabbitmqCluster stays when the file says Builtin again", () => {
    const live = [liveObject("RabbitmqCluster", "chat-rabbit", "rabbitmq")];
    expect(serversLeft(inputOf({}, { live })).kept).toMatchObject([{ kind: "RabbitmqCluster", name: "chat-rabbit" }]);
  });

  test("the message says how many jobs wait, and what releases them", () => {
    const { obstacles } = serversLeft(
      inputOf({ broker: { type: "zeromq" } }, { live: running, jobsLeft: { "chat-rabbitmq": 12 } }),
    );
    expect(obstacles?.[0]?.message).toContain("12 jobs wait in it");
    expect(obstacles?.[0]?.message).toContain("realtimecluster.dev/release=rabbitmq");
  });

  test("what is released is not kept", () =>
    expect(serversLeft(inputOf({ broker: { type: "zeromq" } }, { live: running, released: ["rabbitmq"] }))).toEqual({
      kept: [],
      obstacles: [],
    }));
});

describe("jobs left", () => {
  const asked = (answer: () => Response) =>
    jobsLeft({ uri: "http://q:15672", username: "u", password: "p", cluster: "chat", fetch: async () => answer() });
  const queues = [
    { name: "chat.jobs.work", messages: 7 },
    { name: "chat.delay.work.1000", messages: 3 },
    { name: "chat.dead.work", messages: 2 },
    { name: "chat-2.jobs.work", messages: 100 },
    { name: "chat.jobs.new" },
  ];
  test.each<[string, () => Response, number | undefined]>([
    ["are of this cluster's queues", () => Response.json(queues), 12],
    ["are not known where it refuses", () => new Response("", { status: 401 }), undefined],
    ["are not known where it says something else", () => new Response("<html>"), undefined],
  ])("%s", async (_, answer, expected) => expect(await asked(answer)).toBe(expected));
});
