import { createHash } from "node:crypto";
import { microTime } from "./lease.ts";
import { refOf, refText, type KubeObject, type Ref } from "./object.ts";

/** What an event is about. */
export interface ObjectRef extends Ref {
  uid?: string;
}

/** Something that happened, or was done, to an object. */
export interface Happening {
  about: KubeObject | ObjectRef;
  type: "Normal" | "Warning";
  /** Why: one CamelCase word that machines can go by. */
  reason: string;
  /** A sentence for people; cut at 1024 bytes. */
  message: string;
  /** What was done: one CamelCase word. */
  action: string;
}

/** How often it happened, and last when (ms since 1970). */
export interface Series {
  count: number;
  last: number;
}

/** The API server's own limits. */
const MOST_NOTE_BYTES = 1024;
const MOST_WORD = 128;

/** `text` in at most so many bytes of UTF-8, with an ellipsis where it was cut. */
export const cut = (text: string, bytes: number): string => {
  if (Buffer.byteLength(text) <= bytes) return text;
  const kept = new TextDecoder().decode(Buffer.from(text).subarray(0, bytes - 3), { stream: true });
  return `${kept}…`;
};

const isObject = (about: KubeObject | ObjectRef): about is KubeObject => "metadata" in about;

export const referenceOf = (about: KubeObject | ObjectRef): ObjectRef => {
  if (!isObject(about)) return about;
  const { uid } = about.metadata;
  return { ...refOf(about), ...(uid === undefined ? {} : { uid }) };
};

/** Equal for what counts as the same, happening again. */
export const sameness = ({ about, type, reason, message, action }: Happening): string => {
  const { uid, ...ref } = referenceOf(about);
  const of = uid ?? refText(ref);
  return createHash("sha256")
    .update(JSON.stringify([of, type, reason, message, action]))
    .digest("hex")
    .slice(0, 16);
};

/** A series as an Event has it; none for what happened once. */
export const seriesOf = ({ count, last }: Series): object =>
  count < 2 ? {} : { series: { count, lastObservedTime: microTime(last) } };

/**
 * The Event (events.k8s.io/v1: `kubectl describe` and `kubectl get events` show its series and who reports it). One about an object
 * without namespace lies in `default`, where kubectl looks for it.
 */
export const eventObject = (
  { about, type, reason, message, action }: Happening,
  {
    name,
    at,
    series,
    controller,
    instance,
  }: { name: string; at: number; series: Series; controller: string; instance: string },
): KubeObject => {
  const regarding = referenceOf(about);
  return {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { name, namespace: regarding.namespace ?? "default" },
    regarding,
    type,
    reason: cut(reason, MOST_WORD),
    action: cut(action, MOST_WORD),
    note: cut(message, MOST_NOTE_BYTES),
    eventTime: microTime(at),
    reportingController: controller,
    reportingInstance: cut(instance, MOST_WORD),
    ...seriesOf(series),
  };
};
