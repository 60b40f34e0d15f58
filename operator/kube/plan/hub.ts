import type { KubeObject } from "../runtime/object.ts";
import { counted } from "./count.ts";
import { deployment } from "./deployment.ts";
import { labelsOf, selectorOf } from "./labels.ts";
import type { Part, PlanInput } from "./model.ts";
import { childNames } from "./names.ts";
import { PORTS } from "./ports.ts";

const serviceOf = ({ topology: { cluster } }: PlanInput): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: childNames(cluster).hub, labels: labelsOf(cluster, "hub") },
  spec: {
    type: "ClusterIP",
    selector: selectorOf(cluster, "hub"),
    ports: [{ name: "hub", port: PORTS.hub, targetPort: "hub", protocol: "TCP" }],
  },
});

/** Where gateways and workers read its address. */
const addressOf = ({ cluster: { namespace }, topology: { cluster } }: PlanInput): KubeObject => {
  const { hub } = childNames(cluster);
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: hub, labels: labelsOf(cluster, "hub") },
    data: { uri: `tcp://${hub}.${namespace}.svc:${PORTS.hub}` },
  };
};

/** The embedded server, where something uses it: a Deployment of one, since its order and its memory are one. */
export const hub: Part = (input) => {
  const { cluster, roles } = input.topology;
  const role = roles.find(({ role }) => role === "hub");
  if (role === undefined) return {};
  const { hub: name } = childNames(cluster);
  const count = counted(name, { counting: "plan", count: role.count }, input);
  return {
    objects: [serviceOf(input), addressOf(input), deployment({ name, role, count, history: 2 }, input)],
  };
};
