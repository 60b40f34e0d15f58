import { drainFor, drainPlan } from "#crds";
import { instanceOf } from "../scale/instance-of.ts";
import type { Condition, Facts, Judgement } from "./model.ts";
import { rounded } from "./rounded.ts";

/** Whether every gateway that serves tells of its connections. */
const areTold = ({ observation: { instances }, signal }: Facts): boolean => {
  const gateways = instances.filter(({ role }) => role === "gateway");
  const told = new Set(signal?.snapshot.gateways.map(({ node }) => instanceOf(node)));
  const isHeard = gateways.every(({ instance, state }) => state !== "ready" || told.has(instance));
  return gateways.length === 0 || (signal?.snapshot.servers.adapter === true && isHeard);
};

/**
 * Whether all gateways can go at once, as in a roll, and keep both pace and grace: with the connections that there are, and with those that
 * autoscaling lets the gateways have. What was said of this generation `before` stays while not all connections are known.
 */
export const drainPaced = (facts: Facts, before: Condition | undefined): Judgement => {
  const { cluster, topology, signal } = facts;
  const { drain } = cluster.spec.gateway;
  const { capacity, perSecond, closedMs, settledMs } = drainPlan(drain);
  const role = topology.roles.find(({ role }) => role === "gateway");
  const planned = (role?.count ?? 0) * (role?.scale?.target ?? 0);
  const seen = (signal?.snapshot.gateways ?? []).reduce((sum, it) => sum + it.connections + it.carried, 0);
  const connections = Math.max(planned, rounded(seen));
  if (connections <= capacity && !areTold(facts))
    return before?.observedGeneration === topology.generation
      ? before
      : { status: "Unknown", reason: "NoSignal", message: "not all gateways have told how many connections they have" };
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
