import { differences } from "./differences.ts";
import type { Facts, Judgement } from "./model.ts";

/** True while what runs is not what is wanted: a count or a configuration is on its way. */
export const reconciling = (facts: Facts): Judgement => {
  const { cluster, topology } = facts;
  if (topology.problems.length > 0 || cluster.spec.suspend === true)
    return { status: "False", reason: "Held", message: "nothing is being changed" };
  const what = differences(facts);
  return what === undefined
    ? { status: "False", reason: "Done", message: `generation ${topology.generation} is in place` }
    : { status: "True", reason: "Progressing", message: what };
};
