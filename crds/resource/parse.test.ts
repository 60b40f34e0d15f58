import { describe, expect, test } from "@jest/globals";
import { API_VERSION, KIND, parseRealtimeCluster, withDefaults } from "#crds";

const resource = (spec: unknown) => ({ apiVersion: API_VERSION, kind: KIND, metadata: { name: "chat" }, spec });

const problems = (input: unknown) => {
  const parsed = parseRealtimeCluster(input);
  return parsed.ok ? [] : parsed.problems.map(({ path, message }) => `${path} ${message}`);
};

const pool = (fields: object = {}) => ({ name: "chat", events: ["chat:*"], ...fields });

describe("a mistake in the file is answered with the field's path, what is wrong and what would be right", () => {
  test.each<[string, unknown, string | RegExp]>([
    ["a field that is misspelt", { adaptr: {} }, "spec.adaptr there is no such field; did you mean adapter?"],
    [
      "a field that nothing resembles",
      { gateway: { limits: { zzzzzz: 1 } } },
      /^spec\.gateway\.limits\.zzzzzz there is no such field; the fields here are payloadBytes/,
    ],
    [
      "a value that is not one of the known",
      { adapter: { type: "kafka" } },
      'spec.adapter.type is "kafka"; one of redis, rabbitmq, mongo, zeromq',
    ],
    ["another type", { gateway: { replicas: "two" } }, 'spec.gateway.replicas is "two", number is needed'],
    [
      "a number out of bounds",
      { gateway: { options: { pingInterval: 1 } } },
      "spec.gateway.options.pingInterval is 1, at least 100 is needed",
    ],
    [
      "a pool without events",
      { workers: [pool({ events: [] })] },
      "spec.workers[0].events is [], at least 1 long is needed",
    ],
    [
      "a pattern with a star inside",
      { workers: [pool({ events: ["a*b"] })] },
      /^spec\.workers\[0\]\.events\[0\] is "a\*b": a pattern is/,
    ],
    [
      "replicas and autoscaling",
      { workers: [pool({ replicas: 1, autoscaling: {} })] },
      "spec.workers[0] replicas and autoscaling exclude each other: remove one",
    ],
    [
      "minimum above maximum",
      { workers: [pool({ autoscaling: { minReplicas: 9, maxReplicas: 2 } })] },
      "spec.workers[0].autoscaling minReplicas is larger than maxReplicas",
    ],
    [
      "gateways counted twice",
      { gateway: { replicas: 1, autoscaling: {} } },
      "spec.gateway replicas and autoscaling exclude each other: remove one",
    ],
    [
      "fewer gateways than the least",
      { gateway: { autoscaling: { minReplicas: 9, maxReplicas: 2 } } },
      "spec.gateway.autoscaling minReplicas is larger than maxReplicas",
    ],
    [
      "a backoff above its maximum",
      { workers: [pool({ retry: { backoffSeconds: 90 } })] },
      "spec.workers[0].retry backoffSeconds is larger than maxBackoffSeconds",
    ],
    ["a store that is not managed", { store: { type: "mongo" } }, /^spec\.servers\.mongo mongo is not managed/],
    [
      "a RabbitMQ of no kind",
      { servers: { rabbitmq: {} } },
      "spec.servers.rabbitmq needs one of managed and secretRef {name}",
    ],
    [
      "an event that socket.io keeps",
      { workers: [pool({ events: ["disconnect"] })] },
      /^spec\.workers\[0\]\.events\[0\] names an event that the gateway keeps/,
    ],
    ["auth that lets nobody in", { gateway: { auth: {} } }, /^spec\.gateway\.auth says nobody may connect: add jwt/],
    [
      "a token of two kinds",
      { gateway: { auth: { jwt: { secretRef: { name: "a", key: "b" }, jwksUrl: "https://a.example/keys" } } } },
      /^spec\.gateway\.auth\.jwt needs one of/,
    ],
    ["a server of no kind", { servers: { redis: {} } }, "spec.servers.redis needs one of managed and secretRef {name}"],
    [
      "two managed RabbitMQ",
      { servers: { rabbitmq: { managed: { replicas: 2 } } } },
      "spec.servers.rabbitmq.managed.replicas is 2; one of 1, 3",
    ],
    ["a MongoDB to be managed", { adapter: { type: "mongo" } }, /^spec\.servers\.mongo mongo is not managed/],
    [
      "the same pattern in two pools",
      { workers: [pool(), pool({ name: "other" })] },
      /^spec\.workers\[1\]\.events\[0\] this pattern is another pool's/,
    ],
    [
      "two pools of one name",
      { workers: [pool(), pool({ events: ["x"] })] },
      "spec.workers[1].name two pools have this name",
    ],
    [
      "a reserved event",
      { workers: [pool({ events: ["subscribe"] })] },
      /^spec\.workers\[0\]\.events\[0\] names an event that the gateway keeps/,
    ],
    [
      "an unknown lifecycle event",
      { workers: [pool({ events: ["$started"] })] },
      /^spec\.workers\[0\]\.events\[0\] begins with \$/,
    ],
    [
      "requests in an order",
      { workers: [pool({ mode: "request", orderBy: "user" })] },
      /^spec\.workers\[0\]\.orderBy orderBy orders jobs/,
    ],
    [
      "a payload larger than the buffer",
      { gateway: { limits: { payloadBytes: 2_000_000 } } },
      /^spec\.gateway\.limits\.payloadBytes limits\.payloadBytes is larger/,
    ],
    [
      "a buffer smaller than the payload that is allowed by default",
      { gateway: { options: { maxHttpBufferSize: 50_000 } } },
      /^spec\.gateway\.limits\.payloadBytes limits\.payloadBytes is larger/,
    ],
    [
      "the same with an app, where both are written",
      { gateway: { app: "./a.ts", limits: { payloadBytes: 2000 }, options: { maxHttpBufferSize: 1000 } } },
      /^spec\.gateway\.limits\.payloadBytes limits\.payloadBytes is larger/,
    ],
  ])("%s", (_given, spec, expected) => {
    const [first, ...others] = problems(resource(spec));
    expect(others).toEqual([]);
    expect(first).toEqual(typeof expected === "string" ? expected : expect.stringMatching(expected));
  });

  test.each([
    ["nothing", null, " is null, object is needed"],
    ["a list", [], " is [], object is needed"],
  ])("%s instead of a resource", (_given, input, expected) => {
    expect(problems(input)).toEqual([expected]);
  });

  test.each<[string, object]>([
    ["payloads", { limits: { payloadBytes: 2_000_000 } }],
    ["the buffer", { options: { maxHttpBufferSize: 1000 } }],
  ])("an app's gateway that only says how large %s may be is left alone", (_what, gateway) => {
    expect(problems(resource({ gateway: { app: "./app.ts", ...gateway } }))).toEqual([]);
  });

  test.each<[string, object]>([
    ["with jwt alone", { jwt: { secretRef: { name: "a", key: "b" } } }],
    ["with anonymous users alone", { anonymous: {} }],
  ])("auth %s is allowed", (_what, auth) => {
    expect(problems(resource({ gateway: { auth } }))).toEqual([]);
  });

  test("all mistakes at once", () => {
    expect(
      problems(resource({ adaptr: {}, broker: { type: "x" }, workers: [pool({ concurrency: 0 }), {}] })),
    ).toHaveLength(5);
  });
});

describe("withDefaults", () => {
  const filled = (spec: unknown) => {
    const parsed = parseRealtimeCluster(resource(spec));
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    return withDefaults(parsed.value).spec;
  };

  test("an empty spec is two gateways, anyone may connect, no pool", () => {
    const { gateway, workers, store } = filled(undefined);
    expect(gateway).toMatchObject({ replicas: 2, reservedEvents: true });
    expect(gateway.auth).toBeUndefined();
    expect(workers).toEqual([]);
    expect(store).toEqual({ type: "redis" });
  });

  test.each([
    ["redis", "redis"],
    ["zeromq", "hub"],
    ["rabbitmq", "hub"],
  ])("with adapter %s the store is %s", (type, store) => {
    expect(filled({ adapter: { type } }).store.type).toBe(store);
  });

  test("autoscaling keeps replicas unset", () => {
    const { gateway, workers } = filled({
      gateway: { autoscaling: {} },
      workers: [pool({ autoscaling: {} }), pool({ name: "b", events: ["b"] })],
    });
    expect(gateway.replicas).toBeUndefined();
    expect(workers.map(({ replicas, handlers }) => [replicas, handlers])).toEqual([
      [undefined, "./handlers/chat.ts"],
      [1, "./handlers/b.ts"],
    ]);
  });

  test("limits and socket options are filled without an app, and are what is written with one", () => {
    const written = { limits: { eventsPerSecond: 50 }, options: { pingInterval: 25_000 } };
    expect(filled({ gateway: written }).gateway).toMatchObject({
      limits: { payloadBytes: 100_000, eventsPerSecond: 50, connectionsPerUser: 20, roomsPerConnection: 200 },
      options: { pingInterval: 25_000, pingTimeout: 20_000, maxHttpBufferSize: 1_000_000, path: "/socket.io/" },
    });
    expect(filled({ gateway: { app: "./app.ts", ...written } }).gateway).toMatchObject(written);
    expect(filled({ gateway: { app: "./app.ts" } }).gateway).toMatchObject({ limits: {}, options: {} });
  });

  test("an app has no reserved events unless it asks", () => {
    expect(filled({ gateway: { app: "./app.ts" } }).gateway.reservedEvents).toBe(false);
    expect(filled({ gateway: { app: "./app.ts", reservedEvents: true } }).gateway.reservedEvents).toBe(true);
  });
});
