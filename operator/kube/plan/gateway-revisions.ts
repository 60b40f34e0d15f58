import type { Role } from "../../topology/model.ts";
import { LABEL, selectorOf } from "./labels.ts";
import { liveDeployments, liveSelector } from "./live.ts";
import type { PlanInput } from "./model.ts";
import { childNames } from "./names.ts";
import { revisionOf } from "./revision.ts";
import { roll, type Roll } from "./roll.ts";

/** The gateways' role. Throws where a topology has none. */
export const gatewayRoleOf = ({ topology }: Pick<PlanInput, "topology">): Role => {
  const role = topology.roles.find(({ role }) => role === "gateway");
  if (role === undefined) throw new Error(`the topology of ${topology.cluster} has no gateways`);
  return role;
};

/** The gateways' roll, from the Deployments and the Service as they are. */
export const gatewayRoll = (input: PlanInput): Roll => {
  const { topology, live } = input;
  const role = gatewayRoleOf(input);
  const selector = Object.entries(selectorOf(topology.cluster, "gateway"));
  const revisions = liveDeployments(live)
    .filter(({ labels }) => selector.every(([label, value]) => labels[label] === value))
    .flatMap(({ labels, replicas, ready }) => {
      const hash = labels[LABEL.revision];
      return hash === undefined ? [] : [{ hash, replicas, ready }];
    });
  return roll({
    revisions,
    selected: liveSelector(live, childNames(topology.cluster).gateway)?.[LABEL.revision],
    wanted: { hash: revisionOf(role), count: role.count, followsLoad: role.scale !== undefined },
  });
};

/** The revision that the clients' Service is to select, as the value of its label. */
export const selectedRevision = (input: PlanInput): string => gatewayRoll(input).selected;
