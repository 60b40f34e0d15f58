import { describe, expect, test } from "@jest/globals";
import type { Role } from "../../topology/model.ts";
import type { PlanInput } from "./model.ts";
import { podTemplate } from "./pod.ts";
import { templateOf } from "./testing/pods.ts";
import { CHAT, EVERYTHING, given, type Given } from "./testing/resources.ts";

const roleOf = ({ topology }: PlanInput, name: string): Role => {
  const role = topology.roles.find((it) => it.name === name);
  if (role === undefined) throw new Error(`no role ${name}`);
  return role;
};

const podOf = (it: Given, name = "gateway") => {
  const input = given(it);
  return templateOf(podTemplate(roleOf(input, name), input));
};

/** A variable's value, with what is mounted where it points to. */
const variable = (it: Given, name: string, role = "gateway") => {
  const { main, spec } = podOf(it, role);
  const found = main.env.find((variable) => variable.name === name);
  const { value, valueFrom } = { value: found?.value, valueFrom: found?.["valueFrom"] };
  const mount = main.volumeMounts.find(({ mountPath }) => value === mountPath || value?.startsWith(`${mountPath}/`));
  const { name: _, ...volume } = spec.volumes.find((volume) => volume.name === mount?.name) ?? {};
  return { value, ...(valueFrom === undefined ? {} : { valueFrom }), ...volume };
};

const secret = (secretName: string, ...keys: string[]) => ({
  secret: {
    secretName,
    defaultMode: 0o440,
    ...(keys.length === 0 ? {} : { items: keys.map((key) => ({ key, path: key })) }),
  },
});

const jwt = { auth: { jwt: { secretRef: { name: "jwt", key: "shared" } } } };
const zeromq = { adapter: { type: "zeromq" }, broker: { type: "zeromq" } };

test("pods are spread by one constraint alone: a node without a zone's label would be left out of a second one, and so of both", () => {
  for (const role of ["gateway", "worker-work"])
    expect(podOf({ spec: { workers: [{ name: "work", events: ["*"] }] } }, role).spec).toMatchObject({
      topologySpreadConstraints: [{ topologyKey: "kubernetes.io/hostname", maxSkew: 1 }],
    });
});

describe("what a process is told", () => {
  const cases: [string, Given, string, object][] = [
    [
      "its own name is the pod's",
      {},
      "INSTANCE",
      { valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "metadata.name" } } },
    ],
    ["a literal is itself", {}, "ADAPTER", { value: "redis" }],
    ["a port is its number", {}, "CONTROL_PORT", { value: "3002" }],
    [
      "the API listens where it always does, whatever its Service's port",
      { spec: { gateway: { api: { port: 80 } } } },
      "API_PORT",
      { value: "3001" },
    ],
    [
      "a managed server is the Secret that is made for it",
      {},
      "REDIS_DIR",
      { value: "/etc/realtime/redis-dir", ...secret("chat-redis") },
    ],
    [
      "a server of the user's is his Secret",
      { spec: { servers: { redis: { secretRef: { name: "mine" } } } } },
      "REDIS_DIR",
      { value: "/etc/realtime/redis-dir", ...secret("mine") },
    ],
    [
      "so is a MongoDB",
      { spec: { store: { type: "mongo" }, servers: { mongo: { secretRef: { name: "mine" } } } } },
      "MONGO_DIR",
      { value: "/etc/realtime/mongo-dir", ...secret("mine") },
    ],
    [
      "a RabbitMQ that another operator runs is that one's Secret",
      { spec: { servers: { rabbitmq: { managed: { operator: "RabbitmqClusterOperator" } } } } },
      "RABBITMQ_DIR",
      { value: "/etc/realtime/rabbitmq-dir", ...secret("chat-rabbit-default-user") },
    ],
    [
      "the hub is an address without a secret",
      { spec: zeromq },
      "HUB_DIR",
      {
        value: "/etc/realtime/hub-dir",
        projected: {
          defaultMode: 0o440,
          sources: [
            { configMap: { name: "chat-hub", items: [{ key: "uri", path: "uri" }] } },
            { secret: { name: "chat-hub", items: [{ key: "key", path: "key" }] } },
          ],
        },
      },
    ],
    [
      "one key of a Secret is a file, and a Secret without it keeps the pod from starting",
      { spec: { gateway: jwt } },
      "JWT_SECRET_FILE",
      { value: "/etc/realtime/jwt-secret-file/shared", ...secret("jwt", "shared") },
    ],
    [
      "what is made once is a file of its own",
      {},
      "SESSION_KEY_FILE",
      { value: "/etc/realtime/session-key-file/session-key", ...secret("chat-keys", "session-key") },
    ],
    [
      "API keys of the user's are all keys of his Secret",
      { spec: { gateway: { api: { keysSecretRef: { name: "callers" } } } } },
      "API_KEYS_DIR",
      { value: "/etc/realtime/api-keys-dir", ...secret("callers") },
    ],
    [
      "an API key that is made is in a Secret of its own",
      { spec: { gateway: { api: {} } } },
      "API_KEYS_DIR",
      { value: "/etc/realtime/api-keys-dir", ...secret("chat-api") },
    ],
    [
      "what changes while it runs is a file",
      {},
      "CONFIG_FILE",
      {
        value: "/etc/realtime/config-file/config.json",
        configMap: { name: "chat-config", defaultMode: 0o440, items: [{ key: "config.json", path: "config.json" }] },
      },
    ],
    ["gateways find each other by a name", {}, "PEERS_HOST", { value: "chat-peers" }],
    [
      "a user's variable is as he wrote it",
      { spec: { gateway: { env: [{ name: "A", value: "$(B)" }] } } },
      "A",
      { value: "$(B)" },
    ],
    ["a user's variable without a value is empty", { spec: { gateway: { env: [{ name: "A" }] } } }, "A", { value: "" }],
    [
      "our variables win",
      {
        spec: {
          gateway: {
            env: [
              { name: "CLUSTER", value: "x" },
              { name: "PORT", value: "1" },
            ],
          },
        },
      },
      "PORT",
      { value: "3000" },
    ],
  ];
  test.each(cases)("%s", (_that, it, name, expected) => {
    expect(variable(it, name)).toEqual(expected);
  });

  test("each name once, the user's last word where he says it twice", () => {
    const env = [
      { name: "A", value: "1" },
      { name: "CLUSTER", value: "x" },
      { name: "A", value: "2" },
    ];
    const names = podOf({ spec: { gateway: { env } } }).main.env.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(variable({ spec: { gateway: { env } } }, "A")).toEqual({ value: "2" });
  });

  test("dollar signs of ours are no references", () => {
    const gateway = { options: { path: "/$(HOME)/$$/" } };
    const { value = "" } = variable({ spec: { gateway } }, "GATEWAY");
    expect(value.replaceAll("$$", () => "$")).toContain('"path":"/$(HOME)/$$/"');
    expect(value).toContain("/$$(HOME)/$$$$/");
  });

  test("workers get neither the gateways' keys nor their ports", () => {
    const { main, spec } = podOf({ spec: CHAT }, "worker-chat");
    expect(main.ports.map(({ name }) => name)).toEqual(["probes"]);
    expect(JSON.stringify(spec.volumes)).not.toContain("chat-keys");
  });
});

describe("the pod of a role", () => {
  test.each([
    ["gateway", "gateway/main.ts"],
    ["worker-chat", "worker/main.ts"],
  ])("%s runs %s of the data plane, also in an image of the user's", (name, program) => {
    const { main } = podOf({ spec: CHAT }, name);
    expect(main.command).toEqual(["node", `/opt/realtime/${program}`]);
    expect(main.image).toBe("realtimecluster/realtime:0.1.0");
    const [pool] = CHAT.workers;
    const image = "mine:1";
    const own = { ...CHAT, gateway: { image }, workers: [{ ...pool, image }] };
    expect(podOf({ spec: own }, name).main).toMatchObject({ image: "mine:1", command: main.command });
  });

  test.each([
    ["gateway", { gateway: { drain: { graceSeconds: 100 } } }, 110],
    ["gateway", {}, 70],
    ["worker-chat", CHAT, 95],
    ["worker-w", { workers: [{ name: "w", events: ["w"], timeoutSeconds: 0.5 }] }, 35],
    ["worker-w", { workers: [{ name: "w", events: ["w"], timeoutSeconds: 600.5 }] }, 606],
    ["hub", zeromq, 10],
  ])("%s has the time that it needs to end", (name, spec, seconds) => {
    expect(podOf({ spec }, name).spec.terminationGracePeriodSeconds).toBe(seconds);
  });

  test("only gateways go on for a while before they are told to end", () => {
    const lingers = (name: string) => podOf({ spec: CHAT }, name).main["lifecycle"];
    expect(lingers("gateway")).toEqual({ preStop: { sleep: { seconds: 5 } } });
    expect(lingers("worker-chat")).toBeUndefined();
  });

  test("it says which role and which configuration it is of", () => {
    const input = given({ spec: CHAT });
    const role = roleOf(input, "worker-chat");
    expect(templateOf(podTemplate(role, input)).metadata).toMatchObject({
      annotations: { "realtimecluster.dev/config-hash": role.configHash, "realtimecluster.dev/of": "worker-chat" },
      labels: {
        "realtimecluster.dev/cluster": "chat",
        "realtimecluster.dev/role": "worker",
        "realtimecluster.dev/pool": "chat",
        "app.kubernetes.io/version": "0.1.0",
      },
    });
  });

  test("a version that is no label is made one", () => {
    expect(podOf({ version: "0.1.0+build/7-" }).metadata.labels["app.kubernetes.io/version"]).toBe("0.1.0-build-7");
  });

  test("resources are ours, or the user's whole", () => {
    expect(podOf({}).main["resources"]).toMatchObject({ requests: { memory: "128Mi" }, limits: { memory: "1Gi" } });
    const resources = { requests: { cpu: "1" } };
    expect(podOf({ spec: { gateway: { resources } } }).main["resources"]).toEqual(resources);
  });

  test("CPU is not limited, since that is latency", () => {
    const { limits } = { limits: {}, ...Object(podOf({}).main["resources"]) };
    expect(Object.keys(limits)).toEqual(["memory"]);
  });
});

describe("what a user's podTemplate may do", () => {
  const withTemplate = (template: object) => podOf({ spec: { gateway: { podTemplate: template } } });

  test("add labels and annotations, but not take ours", () => {
    const podTemplate = {
      metadata: {
        labels: { team: "blue", "realtimecluster.dev/role": "worker", "realtimecluster.dev/cluster": null },
        annotations: { note: "n", "realtimecluster.dev/config-hash": "x" },
      },
    };
    const { labels, annotations } = withTemplate(podTemplate).metadata;
    const plain = podOf({}).metadata;
    expect(labels).toEqual({
      ...plain.labels,
      team: "blue",
      "realtimecluster.dev/revision": labels["realtimecluster.dev/revision"],
    });
    expect(annotations["note"]).toBe("n");
    expect(annotations["realtimecluster.dev/config-hash"]).toMatch(/^[0-9a-f]{16}$/);
  });

  test("remove the securityContext", () => {
    const spec = { securityContext: null, containers: [{ name: "gateway", securityContext: null }] };
    const pod = withTemplate({ spec });
    expect(pod.spec["securityContext"]).toBeUndefined();
    expect(pod.main["securityContext"]).toBeUndefined();
    expect(pod.main.command).toEqual(["node", "/opt/realtime/gateway/main.ts"]);
  });

  test("be of no use without taking the plan with it", () => {
    const input = given({ spec: { gateway: { podTemplate: { spec: "nonsense", metadata: null } } } });
    expect(() => podTemplate(roleOf(input, "gateway"), input)).not.toThrow();
  });
});

test("the fixture that says everything says nothing that is refused", () => {
  expect(given({ spec: EVERYTHING }).topology.problems).toEqual([]);
});
