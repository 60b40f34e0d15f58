import { createHash } from "node:crypto";
import { z } from "zod";
import { LABEL } from "./plan/labels.ts";
import { keyOf, refOf, refText, type Kind, type KubeObject } from "./runtime/object.ts";

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

const owners = z.array(z.looseObject({ manager: z.string().optional(), subresource: z.string().optional() }));

/** What is kept of a child: of a Secret no values, of `managedFields` only who wrote what part. */
export const stripChild = (object: KubeObject): KubeObject => {
  const { managedFields, ...metadata } = object.metadata;
  const { data: writers } = owners.safeParse(managedFields);
  const slim = writers?.map(({ manager, subresource }) => ({ manager, subresource }));
  const isCounted = object.kind === "Deployment" && slim !== undefined;
  return withoutValues({ ...object, metadata: isCounted ? { ...metadata, managedFields: slim } : metadata });
};

/** The key of the cluster that an object belongs to; undefined: none. */
export const clusterKeyOf = ({ metadata: { namespace, labels } }: KubeObject): string | undefined => {
  const name = labels?.[LABEL.cluster];
  return name === undefined ? undefined : keyOf({ namespace, name });
};

/** Live children by cluster, kept by what informers tell. */
export interface Children {
  of(key: string): readonly KubeObject[];
  /** What an informer tells. */
  changed(before: KubeObject | undefined, after: KubeObject | undefined): void;
}

export const createChildren = (): Children => {
  const clusters = new Map<string, Map<string, KubeObject>>();
  return {
    of: (key) => [...(clusters.get(key)?.values() ?? [])],
    changed: (before, after) => {
      const [from, to] = [before, after].map((it) => it && clusterKeyOf(it));
      if (before !== undefined && from !== undefined) {
        const children = clusters.get(from);
        children?.delete(refText(refOf(before)));
        if (children?.size === 0) clusters.delete(from);
      }
      if (after !== undefined && to !== undefined) {
        const children = clusters.get(to) ?? new Map<string, KubeObject>();
        clusters.set(to, children.set(refText(refOf(after)), after));
      }
    },
  };
};

/** The keys of the clusters that a change concerns. */
export const concerned = (before: KubeObject | undefined, after: KubeObject | undefined): readonly string[] => {
  const keys = [before, after].map((it) => it && clusterKeyOf(it));
  return [...new Set(keys)].filter((key) => key !== undefined);
};

/** Whether mounted files change: a Secret or ConfigMap has other contents, or was made again. */
export const isRefilled = (before: KubeObject | undefined, after: KubeObject | undefined): boolean =>
  (after?.kind === "Secret" || after?.kind === "ConfigMap") &&
  JSON.stringify(before?.["data"]) !== JSON.stringify(after["data"]);
