import { hasPods, type Facts, type Judgement } from "./model.ts";

/** True while `suspend`, or the annotation that means the same, holds changes back. */
export const paused = (facts: Facts): Judgement =>
  facts.cluster.spec.suspend === true
    ? {
        status: "True",
        reason: "Suspended",
        message: hasPods(facts)
          ? "spec.suspend or the annotation realtimecluster.dev/pause is true: nothing is changed until neither is"
          : "spec.suspend is true: nothing is changed until it is false",
      }
    : { status: "False", reason: "NotSuspended", message: "changes are applied" };
