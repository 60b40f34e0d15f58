import type { KubeObject } from "../runtime/object.ts";
import type { PodEvent } from "./event.ts";
import { sentence } from "./last-words.ts";
import { workloadsOf, type Workload } from "./workload.ts";

/** Pods that a workload wants and the API server does not let it have. */
export interface RefusedPods {
  workload: Workload;
  reason: "QuotaExceeded" | "PodSecurityRefused" | "ServiceAccountMissing" | "PodsRefused";
  message: string;
}

/** What the API server said, without the name of the pod, which is another each time. */
export const refusalOf = (message: string): Pick<RefusedPods, "reason" | "message"> => {
  const told = message.replace(/^.*?\bis forbidden: /s, "");
  const quota = /exceeded quota: .*/s.exec(told)?.[0];
  if (quota !== undefined) return { reason: "QuotaExceeded", message: sentence(quota) };
  if (told.includes("violates PodSecurity")) return { reason: "PodSecurityRefused", message: sentence(told) };
  const account = /service ?account (?:[^/\s]+\/)?"?([^\s":]+)/.exec(told)?.[1];
  if (account !== undefined && told.includes("not found"))
    return { reason: "ServiceAccountMissing", message: `the ServiceAccount ${account} does not exist` };
  return { reason: "PodsRefused", message: sentence(told) };
};

/** What keeps workloads from making pods: a Deployment's condition says it, of a StatefulSet only an Event. */
export const refusedPods = (live: readonly KubeObject[], events: readonly PodEvent[]): RefusedPods[] =>
  workloadsOf(live).flatMap((workload) => {
    const { metadata, spec, status } = workload;
    if (metadata.deletionTimestamp !== undefined || status.replicas >= spec.replicas) return [];
    const failure = status.conditions.find(({ type, status }) => type === "ReplicaFailure" && status === "True");
    const event = events
      .filter(({ uid, reason }) => uid === metadata.uid && reason === "FailedCreate")
      .toSorted((a, b) => b.at - a.at)[0];
    const message = failure?.message ?? event?.message;
    return message === undefined ? [] : [{ workload, ...refusalOf(message) }];
  });
