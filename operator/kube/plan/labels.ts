/** `realtimecluster.dev/cluster`: on every child, and what the informers ask for. */
export const LABEL = {
  cluster: "realtimecluster.dev/cluster",
  role: "realtimecluster.dev/role",
  pool: "realtimecluster.dev/pool",
  revision: "realtimecluster.dev/revision",
  /** "true" on a gateway that the clients' Service sends clients to; taken off while it sheds. */
  takesClients: "realtimecluster.dev/takes-clients",
} as const;

export const ANNOTATION = {
  pause: "realtimecluster.dev/pause",
  release: "realtimecluster.dev/release",
  configHash: "realtimecluster.dev/config-hash",
  /** `Role.name` that a pod belongs to. */
  of: "realtimecluster.dev/of",
  /** When mounted files changed: a change of the pod makes the kubelet read them at once. */
  filesChanged: "realtimecluster.dev/files-changed",
  deletionCost: "controller.kubernetes.io/pod-deletion-cost",
} as const;

/** What runs in a pod, or what an object serves. */
export type Component = "gateway" | "worker" | "hub" | "redis" | "rabbitmq";

/** What selects the pods of a role (and of a pool): never changes. */
export const selectorOf = (cluster: string, role: Component, pool?: string): Record<string, string> => ({
  [LABEL.cluster]: cluster,
  [LABEL.role]: role,
  ...(pool === undefined ? {} : { [LABEL.pool]: pool }),
});

export const TAKES_CLIENTS = { [LABEL.takesClients]: "true" };

/** The labels of an object: the selector's, and Kubernetes' recommended ones. */
export const labelsOf = (cluster: string, role: Component, pool?: string): Record<string, string> => ({
  ...selectorOf(cluster, role, pool),
  "app.kubernetes.io/name": `realtime-${role}`,
  "app.kubernetes.io/instance": cluster,
  "app.kubernetes.io/component": role,
  "app.kubernetes.io/part-of": "realtimecluster",
  "app.kubernetes.io/managed-by": "realtime-operator",
});
