import { failureOf, obstaclesOf, readyOf, type Facts, type Judgement } from "./model.ts";

/** True while every pool has as many workers ready as it wants. */
export const workersReady = (facts: Facts): Judgement => {
  const {
    topology,
    observation: { instances },
  } = facts;
  const pools = topology.roles.filter(({ role }) => role === "worker");
  if (pools.length === 0) return { status: "True", reason: "NoPools", message: "0 pools" };
  const missing = pools.filter((role) => readyOf(role, instances) < role.count);
  if (missing.length === 0) {
    const workers = pools.reduce((sum, { count }) => sum + count, 0);
    return {
      status: "True",
      reason: "AllReady",
      message: `${workers}/${workers} workers ready in ${pools.length} pools`,
    };
  }
  const numbers = missing.map((role) => `${role.pool} ${readyOf(role, instances)}/${role.count}`).join(", ");
  const [obstacle] = missing.flatMap(({ name }) => obstaclesOf(facts, name));
  if (obstacle !== undefined)
    return { status: "False", reason: obstacle.reason, message: `workers ready: ${numbers}; ${obstacle.message}` };
  const failure = missing.map((role) => failureOf(role, instances)).find((it) => it !== undefined);
  return failure === undefined
    ? { status: "False", reason: "Waiting", message: `workers ready: ${numbers}` }
    : { status: "False", reason: "Failing", message: `workers ready: ${numbers}; ${failure}` };
};
