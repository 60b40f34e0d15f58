import type { KubeObject } from "../runtime/object.ts";
import { labelsOf, selectorOf } from "./labels.ts";
import { isWanted, redisSpec } from "./managed.ts";
import type { Part, PlanInput } from "./model.ts";
import { childNames } from "./names.ts";
import { fromDataPlane, networkPolicy, script, statefulServer } from "./stateful.ts";
import { sized } from "./storage.ts";

const PORT = 6379;
const GRACE_SECONDS = 60;

/** Full memory refuses writes, which is seen, rather than losing what was promised; the rest of the limit is for rewriting the log. */
const CONFIG = `port ${PORT}
bind * -::*
dir /data
aclfile /run/redis/users.acl
appendonly yes
appendfsync everysec
save ""
maxmemory 512mb
maxmemory-policy noeviction
tcp-keepalive 60
`;

const probe = (what: "ready" | "alive") => ({ exec: { command: ["sh", "/etc/redis/config/probe.sh", what] } });

const redisContainer = (image: string): Record<string, unknown> => ({
  name: "redis",
  image,
  command: ["sh", "/etc/redis/config/start.sh"],
  ports: [{ name: "redis", containerPort: PORT, protocol: "TCP" }],
  resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "1Gi" } },
  startupProbe: { ...probe("alive"), periodSeconds: 1, failureThreshold: 120, timeoutSeconds: 5 },
  readinessProbe: { ...probe("ready"), periodSeconds: 5, failureThreshold: 3, timeoutSeconds: 5 },
  livenessProbe: { ...probe("alive"), periodSeconds: 10, failureThreshold: 6, timeoutSeconds: 5 },
  volumeMounts: [
    { name: "data", mountPath: "/data" },
    { name: "config", mountPath: "/etc/redis/config", readOnly: true },
    { name: "secret", mountPath: "/etc/redis/secret", readOnly: true },
    { name: "run", mountPath: "/run/redis" },
  ],
});

const credentialsContainer = (image: string): Record<string, unknown> => ({
  name: "credentials",
  image,
  command: ["sh", "/etc/redis/config/credentials.sh"],
  resources: { requests: { cpu: "5m", memory: "16Mi" }, limits: { memory: "64Mi" } },
  volumeMounts: [
    { name: "config", mountPath: "/etc/redis/config", readOnly: true },
    { name: "secret", mountPath: "/etc/redis/secret", readOnly: true },
    { name: "run", mountPath: "/run/redis" },
  ],
});

const service = (cluster: string): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: childNames(cluster).redis, labels: labelsOf(cluster, "redis") },
  spec: {
    type: "ClusterIP",
    selector: selectorOf(cluster, "redis"),
    ports: [{ name: "redis", port: PORT, targetPort: "redis", protocol: "TCP" }],
  },
});

const objectsOf = (input: PlanInput, storage: string): KubeObject[] => {
  const { name } = input.cluster;
  const image = input.settings.images.redis;
  const { redis } = childNames(name);
  return [
    service(name),
    ...networkPolicy(input, "redis", [{ from: [fromDataPlane(name)], ports: [PORT] }]),
    ...statefulServer(input, {
      server: "redis",
      replicas: 1,
      storage,
      whenDeleted: redisSpec(input).whenDeleted,
      serviceName: redis,
      graceSeconds: GRACE_SECONDS,
      files: {
        rolling: {
          "redis.conf": CONFIG,
          "start.sh": script("redis-start"),
          "credentials.sh": script("redis-credentials"),
          "probe.sh": script("redis-probe"),
        },
      },
      containers: [redisContainer(image), credentialsContainer(image)],
      volumes: [
        { name: "config", configMap: { name: redis } },
        { name: "secret", secret: { secretName: redis, items: [{ key: "password", path: "password" }] } },
        { name: "run", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
      ],
    }),
  ];
};

/** One Redis with an append-only log, where the resource wants one run. */
export const redis: Part = (input) => {
  if (!isWanted(input, "redis")) return {};
  const { storage, growths, replaced, obstacles } = sized(input, "redis", {
    replicas: 1,
    storage: redisSpec(input).storage,
  });
  return { objects: objectsOf(input, storage), growths, replaced, obstacles };
};
