import type { Cluster } from "#crds";
import type { Obstacle } from "../../port.ts";
import { ApiError } from "../runtime/client.ts";
import type { Ref } from "../runtime/object.ts";
import { refusalOf } from "./creation.ts";
import { sentence } from "./last-words.ts";
import { concernOf, hasPodTemplate, placeOf, subjectOf } from "./place.ts";

/** What the API server would not have. */
export interface RefusedWrite {
  ref: Ref;
  /** HTTP status; 0: the object is somebody else's and was left alone. */
  status: number;
  message: string;
}

const isPodTemplateOf = ({ kind }: Ref): boolean => kind === "Deployment" || kind === "StatefulSet";

const obstacleOf = ({ ref, status, message }: RefusedWrite, cluster: Cluster): Obstacle => {
  const { kind, namespace, name } = ref;
  const concern = concernOf(ref, cluster);
  const place = placeOf(concern, cluster);
  const object = `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
  const lasting = (reason: string, text: string): Obstacle => ({
    of: subjectOf(concern),
    reason,
    message: text,
    isLasting: true,
  });
  if (status === 0)
    return lasting("NameTaken", `${object} exists and belongs to somebody else: rename the cluster, or delete it`);
  if (/being terminated|NamespaceTerminating/.test(message))
    return {
      of: "gateway",
      reason: "NamespaceTerminating",
      message: `the namespace ${namespace ?? ""} is being deleted: nothing new can be made in it`,
      isLasting: true,
    };
  if (status === 404 && /namespaces? "[^"]*" not found/.test(message))
    return {
      of: "gateway",
      reason: "NamespaceMissing",
      message: `the namespace ${namespace ?? ""} does not exist`,
      isLasting: true,
    };
  if (kind === "PersistentVolumeClaim")
    return lasting(
      "CannotGrow",
      `the claim ${name} cannot grow: ${sentence(message.replace(/^.*?is forbidden: /s, ""))}: set ${place}.managed.storage back, or move the data to a storage class that can grow`,
    );
  if (status === 403) {
    const refused = refusalOf(message);
    if (refused.reason === "QuotaExceeded")
      return lasting("QuotaExceeded", `${object}: ${refused.message}: raise the quota, or ask for less in ${place}`);
    if (/^\S+(?: "[^"]*")? is forbidden: User "/.test(message))
      return lasting(
        "NotAllowed",
        `the operator may not write ${object}: ${sentence(message)}: upgrade the chart, which grants it`,
      );
  }
  const told = `the API server refuses ${object}: ${sentence(message.replace(/^.*?is invalid: /s, ""))}`;
  if (isPodTemplateOf(ref) && hasPodTemplate(concern, cluster))
    return lasting("PodTemplateRefused", `${told}: correct ${place}.podTemplate`);
  const where = concern === "expose" ? "spec.gateway.expose" : place;
  return lasting("Refused", `${told}: correct what ${where} says of it`);
};

/** What the API server's refusals mean for the user; the same said of several objects is said once. */
export const refusalObstacles = (refusals: readonly RefusedWrite[], cluster: Cluster): Obstacle[] => [
  ...new Map(
    refusals
      .map((it) => obstacleOf(it, cluster))
      .map((it) => [it.reason.startsWith("Namespace") ? it.reason : `${it.reason} ${it.message}`, it]),
  ).values(),
];

const withoutNumbers = (text: string): string => text.replace(/\d+/g, "");

/**
 * A write that the API server could not do, as it says: a webhook that is away, among others. Undefined where it did not answer, or
 * where what was seen is behind, which the next pass mends. `before` stays where nothing but numbers, such as ports, is new.
 */
export const failureObstacle = (error: unknown, before: Obstacle | undefined): Obstacle | undefined => {
  if (!(error instanceof ApiError) || [404, 409].includes(error.status)) return undefined;
  const message = `a write failed and is tried again: the API server answers ${error.status}: ${sentence(error.message)}`;
  return before !== undefined && withoutNumbers(before.message) === withoutNumbers(message)
    ? before
    : { of: "gateway", reason: "WriteFailed", message, isLasting: false };
};
