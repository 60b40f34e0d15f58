import { keptPools } from "./differences.ts";
import { rounded } from "./rounded.ts";
import { obstaclesOf, type Facts, type Judgement } from "./model.ts";

/** True while something is kept that the resource no longer asks for, because it holds data: nothing of that goes by itself. */
export const dataRetained = (facts: Facts): Judgement => {
  const obstacles = obstaclesOf(facts, "data");
  const pools = keptPools(facts).map((name) => {
    const report = facts.signal?.snapshot.pools.find(({ pool }) => pool === name);
    const jobs =
      report?.ready === undefined || report.unacked === undefined ? undefined : report.ready + report.unacked;
    const many = jobs === undefined ? "" : `${rounded(jobs)} `;
    return `pool ${name} leaves when its ${many}jobs are done, or without them by the annotation realtimecluster.dev/release=worker-${name}`;
  });
  const [first] = obstacles;
  if (first === undefined && pools.length === 0)
    return {
      status: "False",
      reason: "NothingRetained",
      message: "nothing is kept that the resource does not ask for",
    };
  return {
    status: "True",
    reason: first?.reason ?? "PoolLeaving",
    message: [...obstacles.map(({ message }) => message), ...pools].join("; "),
  };
};
