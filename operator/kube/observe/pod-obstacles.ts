import type { Cluster } from "#crds";
import type { Obstacle } from "../../port.ts";
import type { KubeObject } from "../runtime/object.ts";
import { ailmentOf, type Ailment } from "./ailment.ts";
import { waitingClaims } from "./claims.ts";
import { refusedPods, type RefusedPods } from "./creation.ts";
import type { PodEvent } from "./event.ts";
import { placeOf, subjectOf } from "./place.ts";
import { containersOf, isOver, podsOf, type Pod } from "./pod.ts";

/** A process that fails so often will not come up by itself. */
const RESTARTS_THAT_LAST = 5;
/** A cluster that grows by itself has its new node by then; a registry or a disk may be back. */
const LASTING_MS = 60_000;

const UNREACHABLE =
  /no such host|connection refused|i\/o timeout|timed out|deadline exceeded|unreachable|toomanyrequests|5\d\d /i;

interface Judged {
  wayOut: string;
  isLasting: boolean;
}

const isServer = (of: string): boolean => of === "redis" || of === "rabbitmq";

/** The way out of an ailment, by where the pod comes from. */
const judged = (pod: Pod, { reason, message, since }: Ailment, place: string, now: number): Judged => {
  const server = isServer(pod.component);
  const isLate = now - since >= LASTING_MS;
  const restarts = Math.max(0, ...containersOf(pod).map(({ restartCount }) => restartCount));
  const isHopeless = restarts >= RESTARTS_THAT_LAST;
  switch (reason) {
    case "ImageCannotBePulled":
      return {
        wayOut:
          server || pod.component === "hub"
            ? "let the nodes reach its registry, or install the operator with another image"
            : `correct ${place}.image, or name the registry's Secret in ${place}.imagePullSecrets`,
        isLasting: !UNREACHABLE.test(message),
      };
    case "SecretMissing":
    case "ConfigMapMissing":
      return { wayOut: `create it, or correct its name in ${place}`, isLasting: true };
    case "KeyMissing":
      return { wayOut: `add the key, or correct its name in ${place}`, isLasting: true };
    case "CannotBeCreated":
      return { wayOut: server ? `see ${place}` : `correct ${place}.podTemplate or the image`, isLasting: true };
    case "Crashing":
      return { wayOut: `kubectl logs ${pod.name} --previous tells more`, isLasting: isHopeless };
    case "OutOfMemory":
      return {
        wayOut: server ? "give the server more memory" : `raise ${place}.resources.limits.memory`,
        isLasting: isHopeless,
      };
    case "Unschedulable":
      return {
        wayOut: server
          ? "add a node that can take it"
          : `add a node that can take it, or ask for less in ${place}.resources`,
        isLasting: isLate,
      };
    case "VolumeMissing":
      return { wayOut: `correct what ${place} mounts`, isLasting: isLate };
    case "NotReady":
      return { wayOut: `kubectl logs ${pod.name} tells more`, isLasting: false };
    case "NodeLost":
      return { wayOut: "it is replaced when the node is given up", isLasting: false };
  }
};

const refusedWayOut = (reason: RefusedPods["reason"], place: string): string => {
  switch (reason) {
    case "QuotaExceeded":
      return `raise the quota, or ask for less in ${place}`;
    case "PodSecurityRefused":
      return `correct ${place}.podTemplate, or the level that the namespace enforces`;
    case "ServiceAccountMissing":
      return `create it, or correct ${place}.serviceAccountName`;
    case "PodsRefused":
      return `correct ${place}.podTemplate, or what refuses the pods`;
  }
};

interface PodObstacleInput {
  live: readonly KubeObject[];
  events: readonly PodEvent[];
  cluster: Pick<Cluster, "spec">;
  now: number;
}

/** What is wrong with the pods that run or should: one obstacle for a role and a reason, by its newest pod. */
export const podObstacles = ({ live, events, cluster, now }: PodObstacleInput): Obstacle[] => {
  const refused = refusedPods(live, events).map(({ workload: { of, metadata }, reason, message }): Obstacle => {
    const place = placeOf(of, cluster);
    const told = `${metadata.name} gets no pods: ${message}: ${refusedWayOut(reason, place)}`;
    return { of: subjectOf(of), reason, message: told, isLasting: true };
  });
  const claims = waitingClaims(live, events).flatMap(({ name, server, message }): Obstacle[] =>
    message === undefined
      ? []
      : [
          {
            of: server === undefined ? "servers" : subjectOf(server),
            reason: "NoVolume",
            message: `the claim ${name} gets no volume: ${message}: make a default storage class that can, or delete the claim`,
            isLasting: true,
          },
        ],
  );
  const hasClaims = claims.length > 0;
  const ill = podsOf(live)
    .filter((pod) => !isOver(pod))
    .flatMap((pod): Obstacle[] => {
      const ailment = ailmentOf(pod, now, events);
      if (ailment === undefined) return [];
      if (hasClaims && ailment.reason === "Unschedulable" && ailment.message.includes("PersistentVolumeClaim"))
        return [];
      const { wayOut, isLasting } = judged(pod, ailment, placeOf(pod.of, cluster), now);
      const message = `${pod.name}: ${ailment.message}: ${wayOut}`;
      return [{ of: subjectOf(pod.of), reason: ailment.reason, message, isLasting }];
    });
  const one = new Map<string, Obstacle>();
  for (const obstacle of [...refused, ...claims, ...ill]) {
    const key = `${obstacle.of} ${obstacle.reason}`;
    const isLasting = obstacle.isLasting || one.get(key)?.isLasting === true;
    one.set(key, { ...obstacle, isLasting });
  }
  return [...one.values()];
};
