import { counted, countingOf } from "./count.ts";
import { deployment, DEPLOYMENT } from "./deployment.ts";
import { gatewayRoleOf, gatewayRoll } from "./gateway-revisions.ts";
import { liveDeployments } from "./live.ts";
import type { Part } from "./model.ts";
import { childNames } from "./names.ts";
import { revisionOf } from "./revision.ts";

/** The gateways, a Deployment for each revision: the wanted one is written, those that it takes over from stay as they are, but for a count that grows. */
export const gatewayDeployments: Part = (input) => {
  const { topology, live } = input;
  const names = childNames(topology.cluster);
  const role = gatewayRoleOf(input);
  const { revisions } = gatewayRoll(input);
  const old = revisions.filter(({ hash }) => hash !== revisionOf(role));
  const name = names.gatewayRevision(role.configHash);
  const count = counted(name, { counting: countingOf(role), count: role.count }, input);
  const running = new Map(liveDeployments(live).map((it) => [it.name, it.replicas]));
  return {
    objects: [deployment({ name, role, count, history: 0 }, input)],
    counts: [
      ...count.counts,
      ...old
        .map(({ hash, replicas }) => ({ deployment: names.gatewayRevision(hash), replicas }))
        .filter(({ deployment, replicas }) => running.get(deployment) !== replicas),
    ],
    kept: old.map(({ hash }) => ({ ...DEPLOYMENT, name: names.gatewayRevision(hash) })),
  };
};
