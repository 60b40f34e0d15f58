import type { Role } from "../topology/model.ts";
import { countsOf } from "./observe/counts.ts";
import { conditionOf, isOver, podsOf, readySince, roleOf, type Pod } from "./observe/pod.ts";
import { ANNOTATION } from "./plan/labels.ts";
import type { KubeObject } from "./runtime/object.ts";

/** What a pod is to cost its ReplicaSet when one less is asked for; null: as the others. */
export interface Cost {
  pod: string;
  cost: "-1" | null;
}

/** What is asked for now, and whose cost is to be another before a lower count is. */
export interface Step {
  count: number;
  costs: Cost[];
}

export interface Candidate {
  name: string;
  isReady: boolean;
  /** ms since the epoch, of being ready or not. */
  since: number;
  isMarked: boolean;
}

/** How long pods that are not ready hold a lower count up: until then they are about to be. */
const PATIENCE_MS = 60_000;

const mark = ({ name }: Candidate): Cost => ({ pod: name, cost: "-1" });
const spare = ({ name }: Candidate): Cost => ({ pod: name, cost: null });

/**
 * The next step from the count that is `asked` for to the one that is `wanted`. A ReplicaSet takes unready pods first, whatever they cost,
 * and then the cheapest. So a lower count waits until all are ready; then `victims` are marked; and it is asked for once the marks are seen. Who
 * was chosen stays chosen though others have less to do by then: the choice must come to an end. Whoever is marked and was not taken
 * is like the others again.
 */
export const stepDown = ({
  wanted,
  asked,
  pods,
  victims,
  now,
}: {
  wanted: number;
  asked: number;
  /** Those that were not asked to go. */
  pods: readonly Candidate[];
  victims: readonly string[];
  now: number;
}): Step => {
  const surplus = pods.length - wanted;
  const chosen = pods.filter(({ isReady, isMarked }) => isReady && isMarked);
  if (surplus <= 0) return { count: wanted, costs: chosen.map(spare) };
  if (wanted >= asked || wanted === 0) return { count: wanted, costs: [] };
  const unready = pods.filter(({ isReady }) => !isReady);
  if (unready.some(({ since }) => now - since < PATIENCE_MS)) return { count: asked, costs: [] };
  const missing = surplus - unready.length - chosen.length;
  const over = missing < 0 ? chosen.slice(missing) : [];
  if (over.length > 0) return { count: asked, costs: over.map(spare) };
  const more = pods.filter(({ name, isReady, isMarked }) => isReady && !isMarked && victims.includes(name));
  // Where no more are known to have less to do, whoever goes is as good as another.
  return missing <= 0 || more.length === 0
    ? { count: wanted, costs: [] }
    : { count: asked, costs: more.slice(0, missing).map(mark) };
};

const candidateOf = (pod: Pod, marked: ReadonlySet<string>): Candidate => {
  const ready = readySince(pod);
  return {
    name: pod.name,
    isReady: ready !== undefined,
    since: ready ?? conditionOf(pod, "Ready")?.lastTransitionTime ?? pod.createdAt,
    isMarked: marked.has(pod.name),
  };
};

/** The roles that scale, and the gateways, with the counts that may be asked for now, and the costs to write before. */
export const stepsDown = (
  roles: readonly Role[],
  { live, victims, now }: { live: readonly KubeObject[]; victims: readonly string[]; now: number },
): { roles: Role[]; costs: Cost[] } => {
  const marked = new Set(
    live.flatMap(({ metadata: { name, annotations } }) =>
      annotations?.[ANNOTATION.deletionCost] === "-1" ? [name] : [],
    ),
  );
  const alive = podsOf(live).filter((it) => it.stoppingSince === undefined && !isOver(it));
  const counts = countsOf(live);
  const costs: Cost[] = [];
  const stepped = roles.map((role) => {
    const asked = counts[role.name];
    const own = alive.filter((pod) => roleOf(pod) === role.role && pod.of === role.name);
    const isRolling = own.some(({ configHash }) => configHash !== role.configHash);
    const isChosen = role.scale !== undefined || role.role === "gateway";
    // Gateways roll by a Deployment each, whose counts are the roll's.
    if (!isChosen || asked === undefined || (role.role === "gateway" && isRolling)) return role;
    const pods = own.map((pod) => candidateOf(pod, marked));
    const step = stepDown({ wanted: role.count, asked, pods, victims, now });
    costs.push(...step.costs);
    return { ...role, count: step.count };
  });
  return { roles: stepped, costs };
};
