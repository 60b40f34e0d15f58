import { parseRealtimeCluster, withDefaults } from "#crds";
import { topology } from "../../../topology/topology.ts";
import type { KubeObject } from "../../runtime/object.ts";
import type { PlanInput, Settings } from "../model.ts";

export const settings: Settings = {
  imagePullPolicy: "IfNotPresent",
  networkPolicies: true,
  securityContext: "restricted",
  images: { rabbitmq: "rabbitmq:4-management", redis: "redis:8" },
  clusterDomain: "cluster.local",
  operatorNamespace: "realtime-system",
  isServed: () => true,
};

/** A plan's input for a cluster `chat` with one pool, unless `spec` says otherwise. */
export const inputOf = (
  spec: Record<string, unknown> = {},
  rest: Partial<Omit<PlanInput, "cluster" | "topology" | "settings">> & {
    namespace?: string;
    settings?: Partial<Settings>;
  } = {},
): PlanInput => {
  const { namespace = "default", settings: changed = {}, live = [], ...others } = rest;
  const parsed = parseRealtimeCluster({
    apiVersion: "realtimecluster.dev/v1alpha1",
    kind: "RealtimeCluster",
    metadata: { name: "chat", namespace },
    spec: { workers: [{ name: "work", events: ["*"] }], ...spec },
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const cluster = withDefaults(parsed.value);
  const release = { version: "0.1.0", image: "realtimecluster/realtime:0.1.0" };
  return {
    cluster,
    topology: topology(cluster, { managedAs: "server", release }),
    settings: { ...settings, ...changed },
    live,
    ...others,
  };
};

/** A live object of the cluster `chat`. */
export const liveObject = (
  kind: string,
  name: string,
  role: string,
  fields: Record<string, unknown> = {},
): KubeObject => ({
  apiVersion: kind === "StatefulSet" ? "apps/v1" : kind === "RabbitmqCluster" ? "rabbitmq.com/v1beta1" : "v1",
  kind,
  metadata: {
    name,
    namespace: "default",
    labels: { "realtimecluster.dev/cluster": "chat", "realtimecluster.dev/role": role },
  },
  ...fields,
});

const withStorage = (storage: string) => ({ resources: { requests: { storage } } });

export const liveStatefulSet = (server: "redis" | "rabbitmq", { replicas = 1, storage = "1Gi" } = {}): KubeObject =>
  liveObject("StatefulSet", `chat-${server}`, server, {
    spec: { replicas, volumeClaimTemplates: [{ metadata: { name: "data" }, spec: withStorage(storage) }] },
  });

export const liveClaim = (server: "redis" | "rabbitmq", ordinal: number, storage: string): KubeObject =>
  liveObject("PersistentVolumeClaim", `data-chat-${server}-${ordinal}`, server, { spec: withStorage(storage) });
