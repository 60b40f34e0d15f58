import type { Problem } from "../topology/model.ts";
import type { ClusterStatus, Condition, Judgement } from "./model.ts";

const SHOWN = 8;

/** The status of a resource that makes no sense: what runs goes on as it is, and every field that is wrong is named. */
export const invalidStatus = (
  problems: readonly Problem[],
  generation: number,
  now: number = Date.now(),
): ClusterStatus => {
  const shown = problems.slice(0, SHOWN).map(({ path, message }) => `${path}: ${message}`);
  const message = shown.join("; ") + (problems.length > SHOWN ? ` (and ${problems.length - SHOWN} more)` : "");
  const condition = (type: Condition["type"], judgement: Judgement): Condition => ({
    type,
    ...judgement,
    observedGeneration: generation,
    lastTransitionTime: new Date(now).toISOString(),
  });
  return {
    observedGeneration: generation,
    conditions: [
      condition("Ready", { status: "False", reason: "InvalidSpec", message }),
      condition("Reconciling", { status: "False", reason: "Held", message: "nothing is being changed" }),
      condition("Stalled", { status: "True", reason: "InvalidSpec", message }),
    ],
    pools: [],
  };
};
