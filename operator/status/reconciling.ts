import { differences } from "./differences.ts";
import { hasPods, type Facts, type Judgement } from "./model.ts";

/**
 * True while what runs is not what is wanted: a count or a configuration is on its way. Where roles are pods, not while it is stalled:
 * kstatus takes the one that it meets first.
 */
export const reconciling = (facts: Facts, stalled: Judgement): Judgement => {
  const { cluster, topology } = facts;
  if (topology.problems.length > 0 || cluster.spec.suspend === true)
    return { status: "False", reason: "Held", message: "nothing is being changed" };
  const what = differences(facts);
  if (what !== undefined && stalled.status === "True" && hasPods(facts))
    return { status: "False", reason: "Stalled", message: `waits: ${what}` };
  return what === undefined
    ? { status: "False", reason: "Done", message: `generation ${topology.generation} is in place` }
    : { status: "True", reason: "Progressing", message: what };
};
