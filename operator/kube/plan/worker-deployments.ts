import { refOf } from "../runtime/object.ts";
import { counted, countingOf } from "./count.ts";
import { deployment } from "./deployment.ts";
import { LABEL, selectorOf } from "./labels.ts";
import type { Part } from "./model.ts";
import { childNames } from "./names.ts";

/** The worker pools, a Deployment each. */
export const workerDeployments: Part = (input) => {
  const { cluster, roles } = input.topology;
  const names = childNames(cluster);
  const pools = roles.flatMap((role) => {
    if (role.role !== "worker" || role.pool === undefined) return [];
    const name = names.worker(role.pool);
    const count = counted(name, { counting: countingOf(role), count: role.count }, input);
    return [{ object: deployment({ name, role, count, history: 2 }, input), counts: count.counts }];
  });
  return { objects: pools.map(({ object }) => object), counts: pools.flatMap(({ counts }) => counts) };
};

/** What belongs to pools that the resource no longer has and whose queues still hold jobs: it stays as it is. */
export const leavingPools: Part = ({ topology: { cluster, liveConfig }, live }) => ({
  kept: liveConfig.pools
    .filter(({ leaving }) => leaving === true)
    .flatMap(({ name }) => {
      const selector = Object.entries(selectorOf(cluster, "worker", name));
      return live.filter(
        ({ kind, metadata: { labels } }) =>
          kind !== "Pod" && labels?.[LABEL.pool] === name && selector.every(([key, value]) => labels[key] === value),
      );
    })
    .map(refOf),
});
