import type { Obstacle } from "../../port.ts";
import { refOf, type KubeObject } from "../runtime/object.ts";
import { counted } from "./count.ts";
import { deployment } from "./deployment.ts";
import { ANNOTATION, LABEL, labelsOf, selectorOf } from "./labels.ts";
import type { Part, Plan, PlanInput } from "./model.ts";
import { childNames } from "./names.ts";
import { PORTS } from "./ports.ts";

const service = (cluster: string): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: childNames(cluster).hub, labels: labelsOf(cluster, "hub") },
  spec: {
    type: "ClusterIP",
    selector: selectorOf(cluster, "hub"),
    ports: [{ name: "hub", port: PORTS.hub, targetPort: "hub", protocol: "TCP" }],
  },
});

/** What gateways and workers mount as its settings. */
const address = (cluster: string, namespace: string): KubeObject => {
  const { hub } = childNames(cluster);
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: hub, labels: labelsOf(cluster, "hub") },
    data: { uri: `tcp://${hub}.${namespace}.svc:${PORTS.hub}` },
  };
};

/** A hub that nothing uses any more: jobs may be in its memory, and gateways that still drain use it. */
const left = ({ topology: { cluster }, live, released }: PlanInput): Partial<Plan> => {
  const { hub: name } = childNames(cluster);
  const isThere = live.some(({ kind, metadata }) => kind === "Deployment" && metadata.name === name);
  if (!isThere || released?.includes("hub") === true) return {};
  const obstacle: Obstacle = {
    of: "data",
    reason: "ServerKept",
    message: `Deployment ${name} still runs, though the types no longer ask for it, and jobs may be in its memory: undo the change, or let it go by the annotation ${ANNOTATION.release}=hub`,
    isLasting: true,
  };
  return {
    kept: live.filter(({ kind, metadata: { labels } }) => kind !== "Pod" && labels?.[LABEL.role] === "hub").map(refOf),
    obstacles: [obstacle],
  };
};

/** The embedded server, where something uses it: a Deployment of one, since its order and its memory are one. */
export const hub: Part = (input) => {
  const { cluster, roles } = input.topology;
  const role = roles.find(({ role }) => role === "hub");
  if (role === undefined) return left(input);
  const { hub: name } = childNames(cluster);
  const count = counted(name, { counting: "plan", count: role.count }, input);
  return {
    objects: [
      service(cluster),
      address(cluster, input.cluster.namespace),
      deployment({ name, role, count, history: 2 }, input),
    ],
  };
};
