import { pool as poolSchema, type Cluster, type Pool } from "#crds";
import type { KubeObject } from "../runtime/object.ts";
import { workloadsOf } from "./workload.ts";

const poolIn = (text: string): Pool[] => {
  try {
    const parsed = poolSchema.safeParse(JSON.parse(text));
    return parsed.success ? [parsed.data] : [];
  } catch {
    return [];
  }
};

/** Pools that the resource no longer has and whose workers still run, as their own environment tells. */
export const leavingPools = (live: readonly KubeObject[], { spec }: Pick<Cluster, "spec">): Pool[] =>
  workloadsOf(live)
    .filter(({ kind, component, metadata: { deletionTimestamp } }) => {
      return kind === "Deployment" && component === "worker" && deletionTimestamp === undefined;
    })
    .filter(({ pool }) => !spec.workers.some(({ name }) => name === pool))
    .flatMap(({ spec: { template } }) =>
      template.spec.containers.flatMap(({ env }) =>
        env.flatMap(({ name, value }) => (name === "POOL" && value !== undefined ? poolIn(value) : [])),
      ),
    );
