import type { KubeObject } from "../runtime/object.ts";
import { workloadsOf } from "./workload.ts";

/** How many pods the Deployments of each role ask for, by the role's name; of several (a roll of the gateways) the most that one asks for. */
export const countsOf = (live: readonly KubeObject[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { kind, of, metadata, spec } of workloadsOf(live))
    if (kind === "Deployment" && metadata.deletionTimestamp === undefined)
      counts[of] = Math.max(counts[of] ?? 0, spec.replicas);
  return counts;
};
