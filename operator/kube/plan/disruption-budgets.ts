import type { Role } from "../../topology/model.ts";
import { labelsOf, selectorOf } from "./labels.ts";
import type { Part, PlanInput } from "./model.ts";
import { childNames } from "./names.ts";
import { componentOf } from "./pod.ts";

/** The most instances that a role may have, so that a budget does not come and go with the load. */
const most = (role: Role, { cluster }: PlanInput): number => {
  const pool = cluster.spec.workers.find(({ name }) => name === role.pool);
  return role.scale?.max ?? pool?.autoscaling?.maxReplicas ?? role.count;
};

/** One instance of a role at a time may be evicted, and one that is not ready at any time. Gateways have one budget over all revisions; a role of one has none. */
export const disruptionBudgets: Part = (input) => {
  const { cluster, roles } = input.topology;
  const names = childNames(cluster);
  return {
    objects: roles
      .filter((role) => role.role !== "hub" && most(role, input) > 1)
      .map((role) => ({
        apiVersion: "policy/v1",
        kind: "PodDisruptionBudget",
        metadata: {
          name: role.pool === undefined ? names.gateway : names.worker(role.pool),
          labels: labelsOf(cluster, componentOf(role), role.pool),
        },
        spec: {
          maxUnavailable: 1,
          unhealthyPodEvictionPolicy: "AlwaysAllow",
          selector: { matchLabels: selectorOf(cluster, componentOf(role), role.pool) },
        },
      })),
  };
};
