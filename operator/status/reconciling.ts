import { differences } from "./differences.ts";
import { failureOf, hasPods, obstaclesOf, type Facts, type Judgement } from "./model.ts";

/**
 * True while what runs is not what is wanted: a count or a configuration is on its way, or could not be written.
 * Where roles are pods, not while it is stalled: kstatus takes the one that it meets first.
 */
export const reconciling = (facts: Facts, stalled: Judgement): Judgement => {
  const { cluster, topology, observation } = facts;
  if (topology.problems.length > 0 || cluster.spec.suspend === true)
    return { status: "False", reason: "Held", message: "nothing is being changed" };
  const failed = observation.obstacles.find(({ reason }) => reason === "WriteFailed");
  const what = [differences(facts) ?? [], failed?.message ?? []].flat().join("; ");
  if (what !== "" && stalled.status === "True" && hasPods(facts))
    return { status: "False", reason: "Stalled", message: `waits: ${what}` };
  if (what === "") return { status: "False", reason: "Done", message: `generation ${topology.generation} is in place` };
  // The former ones may serve on meanwhile: then nothing else says why the new ones do not come up.
  const obstacle = failed ?? topology.roles.flatMap(({ name }) => obstaclesOf(facts, name))[0];
  const why =
    obstacle?.message ??
    topology.roles.map((role) => failureOf(role, observation.instances)).find((it) => it !== undefined);
  return {
    status: "True",
    reason: obstacle?.reason ?? "Progressing",
    message: failed !== undefined || why === undefined ? what : `${what}; ${why}`,
  };
};
