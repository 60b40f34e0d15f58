import { z } from "zod";
import type { KubeObject } from "../runtime/object.ts";
import { ailmentOf, PATIENCE_MS } from "./ailment.ts";
import { isOver, podsOf, readySince } from "./pod.ts";
import { workloadsOf } from "./workload.ts";

/** An object whose Events are to be read. */
export interface Asked {
  uid: string;
  namespace: string;
}

/** A running pod that is not ready tells it by probes; those may fail for a while at first. */
const PROBES_MS = 15_000;

const claim = z.object({ status: z.object({ phase: z.string().optional() }).optional() });

/** Pods that are late and whose status does not say why. */
export const podsToAskAbout = (live: readonly KubeObject[], now: number): string[] =>
  podsOf(live)
    .filter((pod) => {
      if (isOver(pod) || pod.stoppingSince !== undefined || readySince(pod) !== undefined) return false;
      if (now - pod.createdAt < PATIENCE_MS) return false;
      const ailment = ailmentOf(pod, now);
      if (ailment !== undefined) return ailment.reason === "NotReady";
      const isRunning = pod.status.containerStatuses.some(({ state }) => state.running !== undefined);
      return !isRunning || now - pod.createdAt >= PROBES_MS;
    })
    .map(({ uid }) => uid);

/** Claims that wait, and StatefulSets that have fewer pods than they want: neither's status ever says why. */
const othersToAskAbout = (live: readonly KubeObject[], now: number): string[] => {
  const isLate = ({ metadata: { creationTimestamp } }: KubeObject) =>
    now - Date.parse(creationTimestamp ?? "") >= PATIENCE_MS;
  const claims = live.filter(
    (it) => it.kind === "PersistentVolumeClaim" && claim.parse(it).status?.phase === "Pending" && isLate(it),
  );
  const late = new Set(live.filter(isLate).map(({ metadata }) => metadata.uid));
  const sets = workloadsOf(live).filter(
    ({ kind, metadata, spec, status }) =>
      kind === "StatefulSet" && late.has(metadata.uid) && status.replicas < spec.replicas,
  );
  return [...claims.map(({ metadata }) => metadata.uid ?? ""), ...sets.map(({ metadata }) => metadata.uid)];
};

/** All objects whose Events tell what their status does not. */
export const objectsToAskAbout = (live: readonly KubeObject[], now: number): Asked[] => {
  const uids = new Set([...podsToAskAbout(live, now), ...othersToAskAbout(live, now)].filter((uid) => uid !== ""));
  return live.flatMap(({ metadata: { uid, namespace } }) =>
    uid !== undefined && namespace !== undefined && uids.has(uid) ? [{ uid, namespace }] : [],
  );
};
