import { refOf } from "../runtime/object.ts";
import { gatewayRoll } from "./gateway-revisions.ts";
import { labelsOf } from "./labels.ts";
import type { Part } from "./model.ts";
import { childNames } from "./names.ts";
import { accountOf, componentOf } from "./pod.ts";

/**
 * An account for each role and pool whose user names none, so that no pod is the namespace's `default`; without a token and without
 * rights. The gateways' stays while an old revision of theirs may need it.
 */
export const accounts: Part = (input) => {
  const { topology, live } = input;
  const { gateway } = childNames(topology.cluster);
  const isRolling = gatewayRoll(input).revisions.length > 1;
  return {
    objects: topology.roles
      .filter(({ pod }) => pod?.serviceAccountName === undefined)
      .map((role) => ({
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: {
          name: accountOf(topology.cluster, role),
          labels: labelsOf(topology.cluster, componentOf(role), role.pool),
        },
        automountServiceAccountToken: false,
      })),
    kept: live
      .filter(({ kind, metadata: { name } }) => isRolling && kind === "ServiceAccount" && name === gateway)
      .map(refOf),
  };
};
