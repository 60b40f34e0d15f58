import { accounts } from "./accounts.ts";
import { apiService } from "./api-service.ts";
import { disruptionBudgets } from "./disruption-budgets.ts";
import { expose } from "./expose.ts";
import { gatewayDeployments } from "./gateway-deployments.ts";
import { hub } from "./hub.ts";
import { liveConfig } from "./live-config.ts";
import type { Part, Plan, PlanInput } from "./model.ts";
import { networkPolicies } from "./network-policies.ts";
import { peersService } from "./peers-service.ts";
import { rabbitmq } from "./rabbitmq.ts";
import { redis } from "./redis.ts";
import { secrets } from "./secrets.ts";
import { serversLeft } from "./servers-left.ts";
import { leavingPools, workerDeployments } from "./worker-deployments.ts";

/**
 * The parts of the series 0.1, in the order in which their objects are written: what pods cannot be made without (keys, accounts, files),
 * then who may reach and evict them, so that none is ever without; names, so that they resolve from the first try on; servers before
 * those that wait for them; gateways before workers, as topologies start. The clients' way in is last: it selects what is there by then.
 */
const PARTS: readonly Part[] = [
  secrets,
  accounts,
  liveConfig,
  networkPolicies,
  disruptionBudgets,
  peersService,
  apiService,
  redis,
  rabbitmq,
  hub,
  serversLeft,
  gatewayDeployments,
  workerDeployments,
  leavingPools,
  expose,
];

/** All that a cluster is to be. A second series of releases will have a list of its own, chosen by `topology.release`. */
export const planOf = (input: PlanInput): Plan => {
  const shares = PARTS.map((part) => part(input));
  return {
    objects: shares.flatMap(({ objects = [] }) => objects),
    secrets: shares.flatMap(({ secrets = [] }) => secrets),
    counts: shares.flatMap(({ counts = [] }) => counts),
    growths: shares.flatMap(({ growths = [] }) => growths),
    replaced: shares.flatMap(({ replaced = [] }) => replaced),
    kept: shares.flatMap(({ kept = [] }) => kept),
    obstacles: shares.flatMap(({ obstacles = [] }) => obstacles),
  };
};
