import type { Facts, Judgement } from "./model.ts";

const RESTARTS_THAT_STALL = 5;

/** True where no further progress is to be expected without a change: a mistake in the resource, an image or a Secret that is not there, or a process that never comes up. */
export const stalled = ({ topology, observation: { instances, obstacles } }: Facts): Judgement => {
  const [problem] = topology.problems;
  if (problem)
    return {
      status: "True",
      reason: "InvalidSpec",
      message:
        `${problem.path}: ${problem.message}` +
        (topology.problems.length > 1 ? ` (and ${topology.problems.length - 1} more)` : ""),
    };
  const lasting = obstacles.filter(({ of, isLasting }) => isLasting && of !== "data");
  const [obstacle] = lasting;
  if (obstacle !== undefined)
    return {
      status: "True",
      reason: obstacle.reason,
      message: `${obstacle.message}${lasting.length > 1 ? ` (and ${lasting.length - 1} more)` : ""}`,
    };
  const failing = instances.filter(({ state, restarts }) => state === "failing" && restarts >= RESTARTS_THAT_STALL);
  const [first] = failing;
  return first === undefined
    ? { status: "False", reason: "NotStalled", message: "0 processes fail to start" }
    : {
        status: "True",
        reason: "CannotStart",
        message: `${failing.length} cannot start; ${first.instance} after ${first.restarts} restarts: ${first.message ?? "it ended before it was ready"}`,
      };
};
