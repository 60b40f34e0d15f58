import { randomBytes } from "node:crypto";
import { LABEL } from "./plan/labels.ts";
import type { SecretWish } from "./plan/model.ts";
import { isFormer } from "./former.ts";
import { ApiError, type Client, type KubeObject, type OwnerReference, isControlledBy } from "./runtime/index.ts";

export const SECRET = { apiVersion: "v1", kind: "Secret" } as const;

const encoded = (text: string) => Buffer.from(text).toString("base64");

/** The keys that a live Secret lacks, with values; undefined: none. Values that are there are never touched. */
export const missingData = (
  { fixed, generated }: SecretWish,
  liveKeys: readonly string[],
  random: (bytes: number) => Buffer = randomBytes,
): Record<string, string> | undefined => {
  const wanted = [
    ...Object.entries(fixed),
    ...Object.entries(generated).map(([key, bytes]) => [key, random(bytes).toString("base64url")] as const),
  ];
  const missing = wanted.filter(([key]) => !liveKeys.includes(key));
  return missing.length === 0
    ? undefined
    : Object.fromEntries(missing.map(([key, value]) => [key, encoded(value)] as const));
};

/** Makes a Secret that is not there, or fills in the keys that it lacks and the label by which it is found; one that is not the owner's is left alone. */
export const ensureSecret = async (
  wish: SecretWish,
  live: KubeObject | undefined,
  {
    client,
    namespace,
    owner,
    fieldManager,
  }: { client: Client; namespace: string; owner: OwnerReference; fieldManager: string },
): Promise<"created" | "filled" | "unchanged" | "foreign"> => {
  const ref = { ...SECRET, namespace, name: wish.name };
  const fill = async (it: KubeObject) => {
    if (!isControlledBy(it, owner.uid)) return isFormer(it, owner) ? "unchanged" : "foreign";
    const data = missingData(wish, Object.keys(it["data"] ?? {}));
    const { uid, resourceVersion, labels = {} } = it.metadata;
    // Without that label no informer tells of it; what others write over the rest is not fought over.
    if (data === undefined && labels[LABEL.cluster] === wish.labels[LABEL.cluster]) return "unchanged";
    try {
      const metadata = { uid, resourceVersion, labels: wish.labels };
      await client.merge(ref, { metadata, ...(data && { data }) }, { fieldManager });
    } catch (error) {
      // What was seen is not how it is: the next pass sees more, and no value is made twice.
      if (!(error instanceof ApiError) || error.status !== 409) throw error;
      return "unchanged";
    }
    return "filled";
  };
  if (live !== undefined) return fill(live);
  const metadata = { name: wish.name, namespace, labels: wish.labels, ownerReferences: [owner] };
  const data = missingData(wish, []) ?? {};
  try {
    await client.create({ ...SECRET, metadata, type: "Opaque", data }, { fieldManager });
    return "created";
  } catch (error) {
    if (!(error instanceof ApiError) || error.reason !== "AlreadyExists") throw error;
    const found = await client.get(ref);
    if (found === undefined) throw error;
    return fill(found);
  }
};
