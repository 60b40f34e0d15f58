import { drainFor, drainPlan } from "#crds";
import type { Facts, Judgement } from "./model.ts";
import { rounded } from "./rounded.ts";

/**
 * Whether all gateways can go at once, as in a roll, and keep both pace and grace: with the connections that there are, and with those that
 * autoscaling lets the gateways have.
 */
export const drainPaced = ({ cluster, topology, signal }: Facts): Judgement => {
  const { drain } = cluster.spec.gateway;
  const { capacity, perSecond, closedMs, settledMs } = drainPlan(drain);
  const role = topology.roles.find(({ role }) => role === "gateway");
  const planned = (role?.count ?? 0) * (role?.scale?.target ?? 0);
  const seen = (signal?.snapshot.gateways ?? []).reduce((sum, it) => sum + it.connections + it.carried, 0);
  const connections = Math.max(planned, rounded(seen));
  if (connections <= capacity)
    return {
      status: "True",
      reason: "WithinGrace",
      message: `${capacity} connections can be sent away within gateway.drain.graceSeconds at gateway.drain.reconnectsPerSecond`,
    };
  const faster = Math.ceil((connections * 1000) / (closedMs - settledMs));
  const enough = drainFor(connections, drain);
  return {
    status: "False",
    reason: "GraceTooShort",
    message: `${connections} connections${connections === planned ? ` (${role?.count} × gateway.autoscaling.connectionsPerReplica)` : ""} will be sent away at ${faster}/s instead of ${Math.floor(perSecond)}/s when all gateways roll: raise gateway.drain.graceSeconds to ${enough.graceSeconds} or gateway.drain.reconnectsPerSecond to ${enough.reconnectsPerSecond}`,
  };
};
