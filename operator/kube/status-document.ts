import type { Cluster } from "#crds";
import type { ClusterStatus, Count } from "../status/model.ts";
import { rounded } from "../status/rounded.ts";
import { endpointsOf } from "./plan/expose.ts";
import { childNames } from "./plan/names.ts";
import type { KubeObject } from "./runtime/object.ts";

const numbersOf = (version: string): number[] => version.split(/[.+-]/).slice(0, 3).map(Number);

/** Whether release `a` is later than `b`; what follows the three numbers does not count. */
const isLater = (a: string, b: string): boolean => {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  const place = left.findIndex((number, index) => number !== right[index]);
  return place !== -1 && (left[place] ?? 0) > (right[place] ?? 0);
};

const fraction = ({ ready, wanted }: Count): string => `${ready}/${wanted}`;

/** What is written to `.status`; `own` is the operator's own release. Without `cluster` the resource makes no sense, and has no endpoints. */
export const statusDocument = (
  { observedGeneration, version, conditions, gateways, workers, pools, scaling }: ClusterStatus,
  { cluster, live, own }: { cluster: Cluster | undefined; live: readonly KubeObject[]; own: string },
): Record<string, unknown> => {
  const backlogs = pools.flatMap(({ backlog }) => (backlog === undefined ? [] : [backlog]));
  const names = cluster && childNames(cluster.name);
  return {
    observedGeneration,
    ...(version === undefined ? {} : { version }),
    ...(version !== undefined && isLater(own, version) ? { update: { available: own } } : {}),
    conditions,
    ...(gateways === undefined ? {} : { gateways: fraction(gateways) }),
    ...(workers === undefined ? {} : { workers: fraction(workers) }),
    ...(backlogs.length === 0 ? {} : { backlog: rounded(backlogs.reduce((sum, it) => sum + it, 0)) }),
    pools: pools.map(({ backlog, ...pool }) => ({
      ...pool,
      ...(names === undefined ? {} : { deployment: names.worker(pool.name) }),
      ...(backlog === undefined ? {} : { backlog: rounded(backlog) }),
    })),
    ...(scaling === undefined ? {} : { scaling }),
    ...(cluster === undefined ? {} : { endpoints: endpointsOf(cluster, live) }),
  };
};
