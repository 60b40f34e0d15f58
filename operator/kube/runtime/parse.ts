import { z } from "zod";
import { ApiError, type WatchEvent } from "./client.ts";
import type { Kind, KubeObject } from "./object.ts";

const ownerReference = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  name: z.string(),
  uid: z.string(),
  controller: z.boolean().exactOptional(),
  blockOwnerDeletion: z.boolean().exactOptional(),
});

const strings = z.record(z.string(), z.string());

const metadata = z.looseObject({
  name: z.string(),
  namespace: z.string().exactOptional(),
  uid: z.string().exactOptional(),
  resourceVersion: z.string().exactOptional(),
  generation: z.number().exactOptional(),
  labels: strings.exactOptional(),
  annotations: strings.exactOptional(),
  ownerReferences: z.array(ownerReference).exactOptional(),
  creationTimestamp: z.string().nullable().exactOptional(),
  deletionTimestamp: z.string().exactOptional(),
  finalizers: z.array(z.string()).exactOptional(),
});

const object = z.looseObject({ apiVersion: z.string(), kind: z.string(), metadata });

const status = z.looseObject({
  kind: z.literal("Status"),
  code: z.number().optional(),
  reason: z.string().optional(),
  message: z.string().optional(),
});

const page = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string().optional(), continue: z.string().optional() }),
  items: z.array(z.looseObject({})).nullable(),
});

const resources = z.looseObject({
  resources: z.array(z.looseObject({ name: z.string(), kind: z.string(), namespaced: z.boolean() })),
});

const event = z.looseObject({ type: z.string(), object: z.looseObject({}) });

/** One object out of an answer. */
export const parseObject = (value: unknown): KubeObject => {
  const { metadata, ...rest } = object.parse(value);
  const { creationTimestamp, ...other } = metadata;
  return { ...rest, metadata: typeof creationTimestamp === "string" ? { ...other, creationTimestamp } : other };
};

/** A page of a list, whose objects do not say their kind. */
export const parsePage = (value: unknown, { apiVersion, kind }: Kind) => {
  const { metadata, items } = page.parse(value);
  return {
    objects: (items ?? []).map((item) => parseObject({ apiVersion, kind, ...item })),
    resourceVersion: metadata.resourceVersion ?? "",
    next: metadata.continue ?? "",
  };
};

/** What an API group serves: kind → plural and whether it lives in namespaces. Subresources are left out. */
export const parseResources = (value: unknown): Map<string, { plural: string; namespaced: boolean }> =>
  new Map(
    resources
      .parse(value)
      .resources.filter(({ name }) => !name.includes("/"))
      .map(({ name, kind, namespaced }) => [kind, { plural: name, namespaced }]),
  );

/** The server's no, as far as it said why; `fallback` is the HTTP status. */
export const parseRefusal = (value: unknown, fallback: number): ApiError => {
  const said = status.safeParse(value).data;
  return new ApiError(
    said?.code ?? fallback,
    said?.reason ?? "Unknown",
    said?.message ?? `the API server answered ${fallback}`,
  );
};

/** A line of a watch. Throws `ApiError` for the server's ERROR event. */
export const parseEvent = (value: unknown): WatchEvent => {
  const { type, object: changed } = event.parse(value);
  if (type === "ERROR") throw parseRefusal(changed, 500);
  if (type === "BOOKMARK") {
    return { type, resourceVersion: page.shape.metadata.parse(changed["metadata"]).resourceVersion ?? "" };
  }
  if (type !== "ADDED" && type !== "MODIFIED" && type !== "DELETED") throw new Error(`unknown watch event ${type}`);
  const it = parseObject(changed);
  return { type, object: it, resourceVersion: it.metadata.resourceVersion ?? "" };
};
