import type { Facts, Judgement } from "./model.ts";

/** True while `suspend` holds changes back. */
export const paused = ({ cluster }: Facts): Judgement =>
  cluster.spec.suspend === true
    ? { status: "True", reason: "Suspended", message: "spec.suspend is true: nothing is changed until it is false" }
    : { status: "False", reason: "NotSuspended", message: "changes are applied" };
