import type { Role } from "../../topology/model.ts";
import { liveDeployments } from "./live.ts";
import type { Count, PlanInput } from "./model.ts";

/** On a Deployment whose count is not the plan's: it was taken by /scale before the plan first went without it. */
const COUNTED = { "realtimecluster.dev/counted-by": "scale" };

/** Who says how many: the plan, our scaling, or somebody else's (an HPA, KEDA). */
export type Counting = "plan" | "scale" | "other";

export const countingOf = ({ scale, isCountedElsewhere }: Role): Counting => {
  if (scale !== undefined) return "scale";
  return isCountedElsewhere === true ? "other" : "plan";
};

export interface Counted {
  /** Of the Deployment's spec; empty: the plan does not say. */
  spec: { replicas?: number };
  annotations: Record<string, string>;
  counts: Count[];
}

/**
 * A Deployment's count. The plan says it where it is fixed, and of what is not there yet. Else `counts` takes the field, and this very plan
 * leaves it out and marks the Deployment: a mark that is seen means that the field has another owner. So a Deployment whose count
 * could not be written must not be applied in the same pass, or an applier that goes without its only owner's field takes it to 1.
 */
export const counted = (
  deployment: string,
  { counting, count }: { counting: Counting; count: number },
  { live }: Pick<PlanInput, "live">,
): Counted => {
  const found = liveDeployments(live).find(({ name }) => name === deployment);
  if (counting === "plan" || found === undefined) return { spec: { replicas: count }, annotations: {}, counts: [] };
  const isTaken = Object.entries(COUNTED).every(([key, value]) => found.annotations[key] === value);
  const replicas = counting === "scale" ? count : found.replicas;
  const isTrue = isTaken && found.replicas === replicas;
  return { spec: {}, annotations: COUNTED, counts: isTrue ? [] : [{ deployment, replicas }] };
};
