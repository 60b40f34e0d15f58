import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { eventually } from "#testing";
import type { Observation } from "../../port.ts";
import { clusterOf } from "../../testing.ts";
import { ANNOTATION, labelsOf, type Component } from "../plan/labels.ts";
import type { KubeObject } from "../runtime/object.ts";
import { openNamespace, type TestNamespace } from "../runtime/testing/cluster.ts";
import { observationOf } from "./observation.ts";
import { createPodEvents, type PodEvents } from "./pod-events.ts";

const WITHIN_MS = 15_000;
const fieldManager = "observe-test";

const KINDS = [
  { apiVersion: "v1", kind: "Pod" },
  { apiVersion: "v1", kind: "Service" },
  { apiVersion: "v1", kind: "PersistentVolumeClaim" },
  { apiVersion: "apps/v1", kind: "Deployment" },
  { apiVersion: "apps/v1", kind: "StatefulSet" },
];

/** One pool for each thing that can go wrong. */
const POOLS = [
  "image",
  "imagename",
  "nosecret",
  "nokey",
  "mount",
  "mountkey",
  "crash",
  "command",
  "toobig",
  "memory",
  "crashlater",
] as const;
type PoolName = (typeof POOLS)[number];

const cluster = clusterOf({ workers: POOLS.map((name) => ({ name, events: [`${name}:*`], handlers: "./x.ts" })) });

let namespace: TestNamespace;
let strict: TestNamespace;
let podEvents: PodEvents;
const createdAt = new Map<string, number>();

const IMAGE = "redis:8";
const RESTRICTED = {
  runAsNonRoot: true,
  runAsUser: 10001,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  seccompProfile: { type: "RuntimeDefault" },
};

const container = (rest: object) => ({
  name: "main",
  image: IMAGE,
  imagePullPolicy: "IfNotPresent",
  terminationMessagePolicy: "FallbackToLogsOnError",
  ...rest,
});

const template = (role: Component, pool: string | undefined, spec: object) => ({
  metadata: {
    labels: labelsOf("chat", role, pool),
    annotations: { [ANNOTATION.of]: pool === undefined ? role : `${role}-${pool}`, [ANNOTATION.configHash]: "now" },
  },
  spec: { terminationGracePeriodSeconds: 1, automountServiceAccountToken: false, ...spec },
});

const start = async (object: KubeObject, where = namespace): Promise<void> => {
  createdAt.set(object.metadata.name, Date.now());
  await where.client.create({ ...object, metadata: { ...object.metadata, namespace: where.name } }, { fieldManager });
};

const pod = (pool: PoolName, spec: object): KubeObject => {
  const { metadata, spec: podSpec } = template("worker", pool, spec);
  return { apiVersion: "v1", kind: "Pod", metadata: { name: pool, ...metadata }, spec: podSpec };
};

const fromSecret = (name: string, key: string) => [{ name: "URL", valueFrom: { secretKeyRef: { name, key } } }];
const mounting = (secret: object) => ({
  volumes: [{ name: "secret", secret }],
  containers: [container({ volumeMounts: [{ name: "secret", mountPath: "/secret" }] })],
});
const shell = (script: string, rest: object = {}) => ({
  containers: [container({ command: ["sh", "-c", script], ...rest })],
});

const LINE = JSON.stringify({
  level: "fatal",
  err: { message: "amqp://user:hunter2@rabbit: refused" },
  msg: "cannot start",
});

const SPECS: Record<PoolName, object> = {
  image: { containers: [container({ image: "registry.invalid/nope:1" })] },
  imagename: { containers: [container({ image: "No Name" })] },
  nosecret: { containers: [container({ env: fromSecret("missing", "url") })] },
  nokey: { containers: [container({ env: fromSecret("there", "url") })] },
  mount: mounting({ secretName: "missing" }),
  mountkey: mounting({ secretName: "there", items: [{ key: "url", path: "url" }] }),
  crash: shell(`echo '${LINE}'; exit 1`),
  command: { containers: [container({ command: ["/nope"] })] },
  toobig: { containers: [container({ resources: { requests: { cpu: "1000" } } })] },
  memory: shell("tail /dev/zero", { resources: { limits: { memory: "16Mi" } } }),
  crashlater: shell("sleep 3; echo 'error: lost the database'; exit 3", {
    readinessProbe: { exec: { command: ["true"] }, periodSeconds: 1 },
  }),
};

const workload = (kind: "Deployment" | "StatefulSet", role: Component, rest: object, spec: object): KubeObject => ({
  apiVersion: "apps/v1",
  kind,
  metadata: { name: `chat-${role}`, labels: labelsOf("chat", role) },
  spec: {
    ...(kind === "StatefulSet" ? { serviceName: `chat-${role}` } : {}),
    selector: { matchLabels: labelsOf("chat", role) },
    template: template(role, undefined, spec),
    ...rest,
  },
});

beforeAll(async () => {
  [namespace, strict] = await Promise.all([openNamespace(), openNamespace()]);
  podEvents = createPodEvents({ client: namespace.client, everyMs: 2_000, atOnce: 20 });
  const there = { apiVersion: "v1", kind: "Secret", metadata: { name: "there", namespace: namespace.name } };
  await namespace.client.create({ ...there, stringData: { other: "x" } }, { fieldManager });
  const quota = { apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "few", namespace: strict.name } };
  await strict.client.create({ ...quota, spec: { hard: { pods: "0" } } }, { fieldManager });
  for (const name of POOLS) await start(pod(name, SPECS[name]));
  const claims = [
    {
      metadata: { name: "data", labels: labelsOf("chat", "redis") },
      spec: { storageClassName: "nope", accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
    },
  ];
  const data = { volumeMounts: [{ name: "data", mountPath: "/data" }] };
  await start(workload("StatefulSet", "redis", { volumeClaimTemplates: claims }, { containers: [container(data)] }));
  const hardened = { containers: [container({ securityContext: RESTRICTED })] };
  await start(workload("Deployment", "gateway", {}, hardened), strict);
  await start(workload("StatefulSet", "rabbitmq", {}, hardened), strict);
});
afterAll(async () => {
  await namespace?.[Symbol.asyncDispose]();
  await strict?.[Symbol.asyncDispose]();
});

const look = async (where = namespace): Promise<Observation> => {
  const lists = await Promise.all(KINDS.map((kind) => where.client.list(kind, { namespace: where.name })));
  const live = lists.flat();
  const events = where === namespace ? await podEvents.about(live) : await strictEvents(live);
  return observationOf({ cluster, live, events, refusals: [], planned: [], now: Date.now() });
};
const strictEvents = (live: readonly KubeObject[]) =>
  createPodEvents({ client: strict.client, atOnce: 20 }).about(live);

/** Repeats a look until it shows what is expected, within 15 s of the making of an object. */
const shows = (name: string, check: (seen: Observation) => void, where = namespace): Promise<void> =>
  eventually(async () => check(await look(where)), {
    timeoutMs: Math.max(0, (createdAt.get(name) ?? 0) + WITHIN_MS - Date.now()),
    everyMs: 500,
  });

describe("within 15 s it is said", () => {
  test.each<[string, PoolName, string, RegExp, RegExp]>([
    [
      "that an image cannot be pulled",
      "image",
      "ImageCannotBePulled",
      /^the image registry\.invalid\/nope:1 cannot be pulled: .*no such host$/,
      /correct spec\.workers\[0\]\.image, or name the registry's Secret in spec\.workers\[0\]\.imagePullSecrets$/,
    ],
    [
      "that an image's name is none",
      "imagename",
      "ImageCannotBePulled",
      /invalid reference format/,
      /spec\.workers\[1\]\.image/,
    ],
    ["that a Secret is missing", "nosecret", "SecretMissing", /^the Secret missing does not exist$/, /create it/],
    ["that its key is missing", "nokey", "KeyMissing", /^the Secret there has no key url$/, /add the key/],
    ["that a mounted Secret is missing", "mount", "SecretMissing", /^the Secret missing does not exist$/, /create it/],
    ["that a mounted key is missing", "mountkey", "KeyMissing", /^the Secret there has no key url$/, /add the key/],
    [
      "why a process ends, without its password",
      "crash",
      "Crashing",
      /^amqp:\/\/user:\*\*\*@rabbit: refused$/,
      /kubectl logs crash/,
    ],
    [
      "that a command is not there",
      "command",
      "CannotBeCreated",
      /"\/nope".*no such file/,
      /spec\.workers\[7\]\.podTemplate/,
    ],
    [
      "that no node takes it",
      "toobig",
      "Unschedulable",
      /^no node takes it: 0\/\d+ nodes are available: .*Insufficient cpu$/,
      /ask for less in spec\.workers\[8\]\.resources$/,
    ],
    [
      "that memory is short",
      "memory",
      "OutOfMemory",
      /more memory than its limit, which is 16Mi/,
      /spec\.workers\[9\]\.resources\.limits\.memory$/,
    ],
  ])("%s", async (_name, pool, reason, message, wayOut) => {
    await shows(pool, ({ instances, obstacles }) => {
      expect(instances.find((it) => it.instance === pool)).toMatchObject({
        state: "failing",
        role: "worker",
        pool,
        of: `worker-${pool}`,
        configHash: "now",
        message: expect.stringMatching(message),
      });
      const obstacle = obstacles.find(({ of }) => of === `worker-${pool}`);
      expect(obstacle).toMatchObject({ reason, message: expect.stringMatching(wayOut) });
    });
  });

  test("that a process ended after it was ready", async () => {
    await shows("crashlater", ({ instances }) => {
      const instance = instances.find((it) => it.instance === "crashlater");
      expect(instance).toMatchObject({ state: "backoff", message: "error: lost the database" });
    });
  });

  test("that a server's claim gets no volume", async () => {
    await shows("chat-redis", ({ servers, obstacles }) => {
      const why = "the storage class nope does not exist";
      expect(servers).toEqual([{ name: "redis", wanted: 1, ready: 0, message: `data-chat-redis-0: ${why}` }]);
      expect(obstacles.find(({ of }) => of === "servers")).toMatchObject({
        reason: "NoVolume",
        message: expect.stringContaining(why),
        isLasting: true,
      });
    });
  });

  test("that a quota leaves no pods, to a Deployment and to a StatefulSet", async () => {
    await shows(
      "chat-rabbitmq",
      ({ servers, obstacles }) => {
        const quota = {
          reason: "QuotaExceeded",
          message: expect.stringContaining("exceeded quota: few"),
          isLasting: true,
        };
        expect(obstacles.find(({ of }) => of === "gateway")).toMatchObject(quota);
        expect(obstacles.find(({ of }) => of === "servers")).toMatchObject(quota);
        expect(servers).toMatchObject([
          { name: "rabbitmq", wanted: 1, ready: 0, message: expect.stringContaining("few") },
        ]);
      },
      strict,
    );
  });
});
