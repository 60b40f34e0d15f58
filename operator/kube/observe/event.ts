import { z } from "zod";
import type { KubeObject } from "../runtime/object.ts";

/** A warning that Kubernetes recorded about an object. */
export interface PodEvent {
  /** Of the object that it is about. */
  uid: string;
  reason: string;
  message: string;
  /** ms since the epoch; its last time. */
  at: number;
}

const eventSchema = z.object({
  metadata: z.object({ creationTimestamp: z.string().optional() }),
  involvedObject: z.object({ uid: z.string().optional() }),
  reason: z.string().default(""),
  message: z.string().default(""),
  lastTimestamp: z.string().nullish(),
  eventTime: z.string().nullish(),
  series: z.object({ lastObservedTime: z.string().nullish() }).nullish(),
});

/** An object of the kind Event, as far as it is looked at. */
export const eventOf = (object: KubeObject): PodEvent => {
  const { metadata, involvedObject, reason, message, lastTimestamp, eventTime, series } = eventSchema.parse(object);
  const at = series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? "";
  return { uid: involvedObject.uid ?? "", reason, message, at: Date.parse(at) || 0 };
};
