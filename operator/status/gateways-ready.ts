import { failureOf, obstaclesOf, readyOf, type Facts, type Judgement } from "./model.ts";

/** True while as many gateways serve as are wanted. */
export const gatewaysReady = (facts: Facts): Judgement => {
  const {
    topology,
    observation: { instances },
  } = facts;
  const role = topology.roles.find(({ role }) => role === "gateway");
  if (role === undefined || role.count === 0)
    return { status: "True", reason: "NoGateways", message: "0 gateways wanted" };
  const ready = readyOf(role, instances);
  const message = `${Math.min(ready, role.count)}/${role.count} gateways ready`;
  if (ready >= role.count) return { status: "True", reason: "AllReady", message };
  const [obstacle] = obstaclesOf(facts, role.name);
  if (obstacle !== undefined)
    return { status: "False", reason: obstacle.reason, message: `${message}; ${obstacle.message}` };
  const failure = failureOf(role, instances);
  return failure === undefined
    ? { status: "False", reason: "Waiting", message }
    : { status: "False", reason: "Failing", message: `${message}; ${failure}` };
};
