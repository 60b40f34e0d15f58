import { createHash } from "node:crypto";
import { z } from "zod";
import { LABEL } from "./plan/labels.ts";
import { keyOf, type Kind, type KubeObject } from "./runtime/object.ts";

/** Every kind of which a cluster may have children. */
export const CHILD_KINDS: readonly (Kind & { isOptional?: true })[] = [
  { apiVersion: "v1", kind: "Pod" },
  { apiVersion: "v1", kind: "Service" },
  { apiVersion: "v1", kind: "Secret" },
  { apiVersion: "v1", kind: "ConfigMap" },
  { apiVersion: "v1", kind: "ServiceAccount" },
  { apiVersion: "v1", kind: "PersistentVolumeClaim" },
  { apiVersion: "apps/v1", kind: "Deployment" },
  { apiVersion: "apps/v1", kind: "StatefulSet" },
  { apiVersion: "policy/v1", kind: "PodDisruptionBudget" },
  { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" },
  { apiVersion: "networking.k8s.io/v1", kind: "Ingress" },
  { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", isOptional: true },
  { apiVersion: "rabbitmq.com/v1beta1", kind: "RabbitmqCluster", isOptional: true },
];

/** Kinds that nobody has as children, and whose being served tells what a server can do: sticky sessions of the Gateway API's experimental channel. */
export const ASKED_KINDS: readonly Kind[] = [
  { apiVersion: "gateway.networking.x-k8s.io/v1alpha1", kind: "XBackendTrafficPolicy" },
];

const data = z.record(z.string(), z.string());
const withData = z.looseObject({ data: data.optional() });

/** A Secret with hashes in the place of its values: enough to see that one changed, or is missing. */
export const withoutValues = (object: KubeObject): KubeObject => {
  if (object.kind !== "Secret") return object;
  const values = Object.entries(withData.parse(object).data ?? {}).map(([key, value]) => [
    key,
    createHash("sha256").update(value).digest("base64"),
  ]);
  return { ...object, data: Object.fromEntries(values) };
};

/** The key of the cluster that an object belongs to; empty: none. */
export const clusterKeysOf = ({ metadata: { namespace, labels } }: KubeObject): readonly string[] => {
  const name = labels?.[LABEL.cluster];
  return name === undefined ? [] : [keyOf({ namespace, name })];
};

/** The keys of the clusters that a change concerns. */
export const concerned = (before: KubeObject | undefined, after: KubeObject | undefined): ReadonlySet<string> =>
  new Set([before, after].flatMap((it) => (it === undefined ? [] : clusterKeysOf(it))));

/** Whether mounted files change: a Secret or ConfigMap has other contents, or was made again. */
export const isRefilled = (before: KubeObject | undefined, after: KubeObject | undefined): boolean =>
  (after?.kind === "Secret" || after?.kind === "ConfigMap") &&
  JSON.stringify(before?.["data"]) !== JSON.stringify(after["data"]);
