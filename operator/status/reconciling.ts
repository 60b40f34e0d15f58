import type { Facts, Judgement } from "./model.ts";

/** True while what runs is not what is wanted: a count or a configuration is on its way. */
export const reconciling = ({ cluster, topology, observation: { instances } }: Facts): Judgement => {
  if (topology.problems.length > 0 || cluster.spec.suspend === true)
    return { status: "False", reason: "Held", message: "nothing is being changed" };
  const roles = topology.roles.filter((role) => {
    const own = instances.filter(({ of, state }) => of === role.name && state !== "stopping");
    const current = own.filter(({ configHash, state }) => configHash === role.configHash && state === "ready");
    return current.length !== role.count || own.length !== role.count;
  });
  const removed = instances.filter(({ of }) => !topology.roles.some(({ name }) => name === of)).length;
  if (roles.length === 0 && removed === 0)
    return { status: "False", reason: "Done", message: `generation ${topology.generation} is in place` };
  const what = [
    ...(roles.length > 0 ? [`changing ${roles.map(({ name }) => name).join(", ")}`] : []),
    ...(removed > 0 ? [`${removed} to be removed`] : []),
  ];
  return { status: "True", reason: "Progressing", message: what.join("; ") };
};
