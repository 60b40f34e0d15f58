import { isOver, podsOf } from "../observe/pod.ts";
import type { KubeObject } from "../runtime/object.ts";
import type { Role } from "../../topology/model.ts";
import { ANNOTATION } from "./labels.ts";

/** On a pod that is to go before the others of its Deployment. */
export const GOES_FIRST = { [ANNOTATION.deletionCost]: "-1" };

/** Whether it is known to go before others. */
export const isMarked = ({ metadata: { annotations } }: KubeObject): boolean =>
  annotations?.[ANNOTATION.deletionCost] === GOES_FIRST[ANNOTATION.deletionCost];

/** The pods of a role that are not going yet, of the configuration that is wanted: those among which `stop` chooses. */
const stayingOf = (live: readonly KubeObject[], { name, configHash }: Role): KubeObject[] => {
  const names = new Set(
    podsOf(live)
      .filter((pod) => pod.of === name && pod.configHash === configHash)
      .filter((pod) => pod.stoppingSince === undefined && !isOver(pod))
      .map((pod) => pod.name),
  );
  return live.filter(({ kind, metadata }) => kind === "Pod" && names.has(metadata.name));
};

/**
 * The count to be written where `replicas` is: a lower one waits until as many pods as are too many are seen with a mark, since
 * the ReplicaSet's controller reads what we read, and takes whom it likes where it sees none.
 */
export const lowerable = (live: readonly KubeObject[], role: Role, replicas: number): number => {
  const isChosen = role.scale !== undefined || role.role === "gateway";
  if (!isChosen || role.count >= replicas) return role.count;
  const pods = stayingOf(live, role);
  return pods.filter(isMarked).length >= pods.length - role.count ? role.count : replicas;
};

/** Pods with a mark whose role has none too many: another one went in their place, or the count is up again. */
export const survivorsOf = (live: readonly KubeObject[], roles: readonly Role[]): KubeObject[] =>
  roles.flatMap((role) => {
    const pods = stayingOf(live, role);
    return pods.length > role.count ? [] : pods.filter(isMarked);
  });
