import type { Role } from "../../topology/model.ts";
import type { KubeObject } from "../runtime/object.ts";
import type { Counted } from "./count.ts";
import { labelsOf } from "./labels.ts";
import type { PlanInput } from "./model.ts";
import { componentOf, podSelector, podTemplate } from "./pod.ts";
import { versionLabel } from "./version-label.ts";

export const DEPLOYMENT = { apiVersion: "apps/v1", kind: "Deployment" } as const;

const SURGE = { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: 0 } };
const STRATEGY = {
  // Each configuration is a Deployment of its own, so that nothing rolls within one.
  blueGreen: SURGE,
  surge: SURGE,
  replace: { type: "Recreate" },
};

/** A role's Deployment; `history`: how many of its former templates are kept for `kubectl rollout undo`. */
export const deployment = (
  { name, role, count, history }: { name: string; role: Role; count: Counted; history: number },
  input: PlanInput,
): KubeObject => {
  const { topology } = input;
  const selector = podSelector(topology.cluster, role);
  return {
    ...DEPLOYMENT,
    metadata: {
      name,
      labels: {
        ...labelsOf(topology.cluster, componentOf(role), role.pool),
        ...versionLabel(topology.release),
        ...selector,
      },
      ...(Object.keys(count.annotations).length === 0 ? {} : { annotations: count.annotations }),
    },
    spec: {
      ...count.spec,
      selector: { matchLabels: selector },
      strategy: STRATEGY[role.roll],
      revisionHistoryLimit: history,
      progressDeadlineSeconds: 300,
      template: podTemplate(role, input),
    },
  };
};
