import { differences } from "./differences.ts";
import { failureOf, hasPods, obstaclesOf, type Facts, type Judgement } from "./model.ts";

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
  if (what === undefined)
    return { status: "False", reason: "Done", message: `generation ${topology.generation} is in place` };
  // The former ones may serve on meanwhile: then nothing else says why the new ones do not come up.
  const { instances } = facts.observation;
  const [obstacle] = topology.roles.flatMap(({ name }) => obstaclesOf(facts, name));
  const why =
    obstacle?.message ?? topology.roles.map((role) => failureOf(role, instances)).find((it) => it !== undefined);
  return {
    status: "True",
    reason: obstacle?.reason ?? "Progressing",
    message: why === undefined ? what : `${what}; ${why}`,
  };
};
