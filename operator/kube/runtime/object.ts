/** Any Kubernetes object, as the API server has it. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: Metadata;
  [field: string]: unknown;
}

export interface Metadata {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  creationTimestamp?: string;
  deletionTimestamp?: string;
  finalizers?: string[];
  [field: string]: unknown;
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** A kind of objects: `{apiVersion: "apps/v1", kind: "Deployment"}`. */
export interface Kind {
  apiVersion: string;
  kind: string;
}

/** One object's address. */
export interface Ref extends Kind {
  namespace?: string;
  name: string;
}

export const refOf = ({ apiVersion, kind, metadata: { namespace, name } }: KubeObject): Ref => ({
  apiVersion,
  kind,
  name,
  ...(namespace === undefined ? {} : { namespace }),
});

/** `apps/v1 Deployment default/web`, for logs and as a key. */
export const refText = ({ apiVersion, kind, namespace, name }: Ref): string =>
  `${apiVersion} ${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;

/** `default/web`: the key of a namespaced object in queues and caches. */
export const keyOf = ({ namespace, name }: { namespace?: string | undefined; name: string }): string =>
  namespace === undefined ? name : `${namespace}/${name}`;
