import type { Instance } from "../port.ts";
import { hasPods, type Facts } from "./model.ts";

/** Pools that the resource no longer has and that stay until their jobs are done. */
export const keptPools = ({ topology }: Facts): string[] =>
  topology.liveConfig.pools.flatMap(({ name, leaving }) => (leaving === true ? [name] : []));

/** Pools that the gateways do not know of yet: the live configuration is on its way to them. */
const unheardPools = ({ topology, signal }: Facts): string[] =>
  signal === undefined
    ? []
    : topology.roles.flatMap(({ pool }) =>
        pool === undefined || signal.snapshot.pools.some((report) => report.pool === pool) ? [] : [pool],
      );

/** In what that which runs is not what is wanted, as a sentence; undefined: in nothing. */
export const differences = (facts: Facts): string | undefined => {
  const {
    topology,
    observation: { instances },
  } = facts;
  const roles = topology.roles.filter((role) => {
    // A pod that drains may take its whole grace, and nothing of what is wanted waits for it.
    const own = instances.filter(({ of, state }) => of === role.name && !(hasPods(facts) && state === "stopping"));
    const current = own.filter(({ configHash, state }) => configHash === role.configHash && state === "ready");
    return current.length !== role.count || own.length !== role.count;
  });
  const kept = keptPools(facts);
  // A hub that is left is data: it stays until it is released.
  const isKept = ({ role, pool }: Instance) =>
    pool === undefined ? role === "hub" && hasPods(facts) : kept.includes(pool);
  const removed = instances.filter((it) => !topology.roles.some(({ name }) => name === it.of) && !isKept(it)).length;
  const unheard = hasPods(facts) ? unheardPools(facts) : [];
  const what = [
    ...(roles.length > 0 ? [`changing ${roles.map(({ name }) => name).join(", ")}`] : []),
    ...(removed > 0 ? [`${removed} to be removed`] : []),
    ...(unheard.length > 0 ? [`telling the gateways of ${unheard.join(", ")}`] : []),
  ];
  return what.length === 0 ? undefined : what.join("; ");
};
