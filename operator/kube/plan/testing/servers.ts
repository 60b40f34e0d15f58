import type { KubeObject } from "../../runtime/object.ts";
import type { PlanInput } from "../model.ts";
import { given, type Given } from "./resources.ts";

/** A plan's input for a cluster `chat` with one pool, unless `spec` says otherwise. */
export const inputOf = (
  spec: Record<string, unknown> = {},
  { jobsLeft, ...rest }: Omit<Given, "spec"> & Pick<PlanInput, "jobsLeft"> = {},
): PlanInput => ({
  ...given({ ...rest, spec: { workers: [{ name: "work", events: ["*"] }], ...spec } }),
  jobsLeft,
});

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
