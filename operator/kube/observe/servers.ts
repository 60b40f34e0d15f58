import type { ServerState } from "../../port.ts";
import type { KubeObject } from "../runtime/object.ts";
import { ailmentOf } from "./ailment.ts";
import { waitingClaims } from "./claims.ts";
import { refusedPods } from "./creation.ts";
import type { PodEvent } from "./event.ts";
import { isOver, podsOf } from "./pod.ts";
import { workloadsOf, type Workload } from "./workload.ts";

type ManagedName = "redis" | "rabbitmq";
const isManaged = (component: string): component is ManagedName => component === "redis" || component === "rabbitmq";

/** Why a server's pods are not all ready, where anything says so. */
const complaintOf = (
  { component, metadata: { uid } }: Workload,
  live: readonly KubeObject[],
  events: readonly PodEvent[],
  now: number,
): string | undefined => {
  const refused = refusedPods(live, events).find(({ workload }) => workload.metadata.uid === uid);
  if (refused !== undefined) return refused.message;
  const ill = podsOf(live).flatMap((pod) => {
    const ailment = pod.component === component && !isOver(pod) ? ailmentOf(pod, now, events) : undefined;
    return ailment === undefined ? [] : [{ pod, ailment }];
  });
  const [first] = ill.toSorted((a, b) => Number(b.ailment.isDown) - Number(a.ailment.isDown));
  if (first === undefined) return undefined;
  const { pod, ailment } = first;
  const claims = pod.spec.volumes.flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []);
  const claim = waitingClaims(live, events).find(({ name, message }) => message !== undefined && claims.includes(name));
  return claim === undefined ? `${pod.name}: ${ailment.message}` : `${claim.name}: ${claim.message}`;
};

/** The servers that run for a cluster, by their StatefulSets. */
export const serversOf = (live: readonly KubeObject[], now: number, events: readonly PodEvent[] = []): ServerState[] =>
  workloadsOf(live).flatMap((workload) => {
    const { kind, component, metadata, spec, status } = workload;
    if (kind !== "StatefulSet" || !isManaged(component) || metadata.deletionTimestamp !== undefined) return [];
    const ready = Math.min(status.readyReplicas, spec.replicas);
    const message = ready >= spec.replicas ? undefined : complaintOf(workload, live, events, now);
    return [{ name: component, wanted: spec.replicas, ready, ...(message === undefined ? {} : { message }) }];
  });
