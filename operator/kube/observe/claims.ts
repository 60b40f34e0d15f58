import { z } from "zod";
import { LABEL } from "../plan/labels.ts";
import type { KubeObject } from "../runtime/object.ts";
import type { PodEvent } from "./event.ts";
import { sentence } from "./last-words.ts";

const schema = z.object({
  metadata: z.object({
    name: z.string(),
    uid: z.string().default(""),
    labels: z.record(z.string(), z.string()).default({}),
    deletionTimestamp: z.string().optional(),
  }),
  spec: z.object({ storageClassName: z.string().optional() }).default({}),
  status: z.object({ phase: z.string().optional() }).default({}),
});

/** A claim that has no volume. */
export interface WaitingClaim {
  name: string;
  /** The server that it is for, by its label. */
  server?: string;
  /** What Kubernetes says of it; undefined: nothing yet, or it waits for its pod. */
  message?: string;
}

const plain = (message: string): string =>
  sentence(message)
    .replace(/^storageclass(?:\.storage\.k8s\.io)? "([^"]*)" not found$/, "the storage class $1 does not exist")
    .replace(/^failed to provision volume with StorageClass /, "no volume from the storage class ");

/** The claims that wait for a volume, or have lost it. */
export const waitingClaims = (live: readonly KubeObject[], events: readonly PodEvent[]): WaitingClaim[] =>
  live.flatMap((object) => {
    if (object.kind !== "PersistentVolumeClaim") return [];
    const { metadata, status } = schema.parse(object);
    if (status.phase === "Bound" || metadata.deletionTimestamp !== undefined) return [];
    const about = events
      .filter(({ uid, reason }) => uid === metadata.uid && /^(?:ProvisioningFailed|FailedBinding)$/.test(reason))
      .toSorted((a, b) => b.at - a.at);
    const message = status.phase === "Lost" ? "its volume is lost" : about[0] && plain(about[0].message);
    const server = metadata.labels[LABEL.role];
    return [
      {
        name: metadata.name,
        ...(server === undefined ? {} : { server }),
        ...(message === undefined ? {} : { message }),
      },
    ];
  });
