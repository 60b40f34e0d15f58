import type { KubeObject } from "../runtime/object.ts";
import { LABEL, labelsOf, selectorOf, type Component } from "./labels.ts";
import type { Part, PlanInput } from "./model.ts";
import { childNames } from "./names.ts";
import type { PortName } from "./ports.ts";

type Fields = Record<string, unknown>;

/** Who may reach a port; without `from`: anyone. */
interface Opening {
  port: PortName;
  from?: Fields[];
}

const policy = (cluster: string, name: string, role: Component, openings: readonly Opening[]): KubeObject => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "NetworkPolicy",
  metadata: { name, labels: labelsOf(cluster, role) },
  spec: {
    podSelector: { matchLabels: selectorOf(cluster, role) },
    policyTypes: ["Ingress"],
    ingress: openings.map(({ port, from }) => ({
      ports: [{ port, protocol: "TCP" }],
      ...(from === undefined ? {} : { from }),
    })),
  },
});

const roles = (cluster: string, ...values: Component[]): Fields => ({
  podSelector: {
    matchLabels: { [LABEL.cluster]: cluster },
    matchExpressions: [{ key: LABEL.role, operator: "In", values }],
  },
});

const namespaceOf = (name: string): Fields => ({
  namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } },
});

/** Probes and metrics: the kubelet and Prometheus come from anywhere. */
const PROBES: Opening = { port: "probes" };

const gateways = ({ cluster: { spec }, topology: { cluster }, settings }: PlanInput): KubeObject =>
  policy(cluster, childNames(cluster).gateway, "gateway", [
    { port: "clients" },
    // Callers have a key, and are pods: what comes from outside comes through something that runs here.
    ...(spec.gateway.api === undefined ? [] : [{ port: "api" as const, from: [{ namespaceSelector: {} }] }]),
    { port: "control", from: [roles(cluster, "gateway", "worker", "hub"), namespaceOf(settings.operatorNamespace)] },
    { port: "link", from: [roles(cluster, "gateway")] },
    PROBES,
  ]);

/** Who may come in, by port. Nothing is said of the way out: a handler's own database is nobody's business here. */
export const networkPolicies: Part = (input) => {
  const { cluster, roles: all } = input.topology;
  if (!input.settings.networkPolicies) return {};
  const { hub } = childNames(cluster);
  return {
    objects: [
      gateways(input),
      policy(cluster, `${cluster}-worker`, "worker", [PROBES]),
      ...(all.some(({ role }) => role === "hub")
        ? [policy(cluster, hub, "hub", [{ port: "hub", from: [roles(cluster, "gateway", "worker")] }, PROBES])]
        : []),
    ],
  };
};
