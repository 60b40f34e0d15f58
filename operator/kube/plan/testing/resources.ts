import { parseRealtimeCluster, withDefaults, type Cluster } from "#crds";
import { topology } from "../../../topology/topology.ts";
import type { PlanInput, Settings } from "../model.ts";

export const SETTINGS: Settings = {
  imagePullPolicy: "IfNotPresent",
  networkPolicies: true,
  securityContext: "restricted",
  images: { rabbitmq: "rabbitmq:4-management", redis: "redis:8" },
  clusterDomain: "cluster.local",
  operatorNamespace: "realtime-system",
  isServed: () => true,
};

export interface Given {
  name?: string;
  namespace?: string;
  spec?: object;
  version?: string;
  live?: PlanInput["live"];
  released?: readonly string[];
  settings?: Partial<Settings>;
  /** Pools that the resource no longer has. */
  leaving?: readonly string[];
  /** By the role's name, in place of what the resource says. */
  counts?: Record<string, number>;
}

export const clusterFrom = ({ name = "chat", namespace = "default", spec = {} }: Given): Cluster => {
  const parsed = parseRealtimeCluster({
    apiVersion: "realtimecluster.dev/v1alpha1",
    kind: "RealtimeCluster",
    metadata: { name, namespace },
    spec,
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return withDefaults(parsed.value);
};

const goneBy = (name: string) => ({
  name,
  events: [`${name}:*`],
  mode: "job" as const,
  orderBy: "none",
  concurrency: 1,
  timeoutSeconds: 1,
  retry: { attempts: 1, backoffSeconds: 1, maxBackoffSeconds: 1 },
});

/** What a plan is made from, for a resource as users write it. */
export const given = (it: Given = {}): PlanInput => {
  const { version = "0.1.0", live = [], released, settings = {}, leaving = [], counts = {} } = it;
  const cluster = clusterFrom(it);
  const planned = topology(cluster, {
    managedAs: "server",
    release: { version, image: `realtimecluster/realtime:${version}` },
    leaving: leaving.map(goneBy),
  });
  return {
    cluster,
    topology: { ...planned, roles: planned.roles.map((role) => ({ ...role, count: counts[role.name] ?? role.count })) },
    settings: { ...SETTINGS, ...settings },
    live,
    released,
  };
};

export const CHAT = {
  adapter: { type: "redis" },
  broker: { type: "rabbitmq" },
  gateway: { replicas: 2, public: "./public", api: {} },
  workers: [{ name: "chat", events: ["chat:*"], handlers: "./handlers/chat.ts", replicas: 2, timeoutSeconds: 90 }],
};

const POD = {
  env: [
    { name: "PLAIN", value: "$(INSTANCE)" },
    { name: "SECRET", valueFrom: { secretKeyRef: { name: "orders", key: "url", optional: true } } },
    { name: "SETTING", valueFrom: { configMapKeyRef: { name: "settings", key: "a" } } },
    { name: "NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
    { name: "MEMORY", valueFrom: { resourceFieldRef: { resource: "limits.memory" } } },
    { name: "CLUSTER", value: "another" },
  ],
  envFrom: [{ secretRef: { name: "more" }, prefix: "MORE_" }],
  resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { cpu: "2", memory: "256Mi" } },
  imagePullSecrets: [{ name: "registry" }],
  podTemplate: {
    metadata: { labels: { team: "blue" }, annotations: { note: "hello" } },
    spec: {
      priorityClassName: "",
      nodeSelector: { "kubernetes.io/os": "linux" },
      tolerations: [{ key: "spot", operator: "Exists" }],
    },
  },
};

/** Everything that is served, said. */
export const EVERYTHING = {
  version: "0.1.3",
  adapter: { type: "zeromq" },
  broker: { type: "rabbitmq" },
  store: { type: "redis" },
  servers: {
    redis: { managed: { storage: "2Gi", whenDeleted: "Delete" } },
    rabbitmq: { managed: { replicas: 3, storage: "20Gi", operator: "Builtin", whenDeleted: "Retain" } },
  },
  gateway: {
    autoscaling: { minReplicas: 3, maxReplicas: 30, connectionsPerReplica: 1000 },
    image: "registry.example.com/gateway:1",
    public: "./public",
    app: "./gateway.ts",
    reservedEvents: true,
    options: { pingInterval: 10_000, path: "/$(HOME)/socket.io/" },
    auth: {
      jwt: { secretRef: { name: "jwt", key: "key" }, issuer: "me" },
      anonymous: { channels: { read: ["public:*"] }, events: [] },
    },
    origins: ["https://chat.example.com"],
    history: [{ channels: ["room:*"] }],
    drain: { graceSeconds: 120, reconnectsPerSecond: 100 },
    limits: { payloadBytes: 1000 },
    api: { keysSecretRef: { name: "callers" }, port: 3000 },
    expose: { type: "Ingress", ingress: { className: "nginx", host: "chat.example.com", tlsSecretName: "tls" } },
    serviceAccountName: "edge",
    ...POD,
  },
  workers: [
    {
      name: "orders",
      events: ["order:*", "$connected"],
      image: "registry.example.com/orders:1",
      autoscaling: { minReplicas: 0, maxReplicas: 9 },
      ...POD,
    },
    { name: "audit", mode: "copy", events: ["*"], autoscaling: { external: true, minReplicas: 2, maxReplicas: 5 } },
    { name: "one", mode: "request", events: ["ask"], replicas: 1, serviceAccountName: "asker" },
    { name: "none", events: ["later:*"], replicas: 0 },
  ],
};

/** The longest names that the resource takes. */
export const LONGEST = {
  name: `c${"l".repeat(29)}`,
  spec: {
    adapter: { type: "zeromq" },
    gateway: { api: {} },
    workers: [{ name: `p${"o".repeat(19)}`, events: ["a"], replicas: 2 }],
  },
};
