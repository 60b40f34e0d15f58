import type { Structural } from "./structural.ts";

const count = (description: string): Structural => ({ type: "integer", format: "int64", description });
const text = (maxLength: number, description: string): Structural => ({ type: "string", maxLength, description });

const condition: Structural = {
  type: "object",
  required: ["type", "status", "reason", "message", "lastTransitionTime"],
  properties: {
    type: text(
      316,
      "Ready, GatewaysReady, BrokerReady, AdapterReady, WorkersReady, ScalingActive, ScalingLimited, Exposed, DataRetained, AuthenticationConfigured, Paused, Reconciling or Stalled.",
    ),
    status: { type: "string", enum: ["True", "False", "Unknown"], description: "Whether it is so." },
    observedGeneration: count("metadata.generation that it speaks of."),
    lastTransitionTime: { type: "string", format: "date-time", description: "When `status` last changed." },
    reason: text(1024, "Why, in one word."),
    message: text(32768, "Why, in a sentence with numbers and the way out."),
  },
};

const pool: Structural = {
  type: "object",
  required: ["name"],
  properties: {
    name: text(20, "As in spec.workers."),
    deployment: text(253, "Its Deployment: what an HPA or KEDA scales where `autoscaling.external` is true."),
    replicas: count("Workers that are wanted."),
    ready: count("Workers that are ready."),
    backlog: count("Jobs, waiting and in hand, to two digits. Absent: unknown."),
    dead: count("Jobs that failed for good and are kept. Absent: unknown."),
  },
};

const scaling: Structural = {
  type: "object",
  required: ["name"],
  properties: {
    name: text(64, "gateway, or worker-<pool>."),
    desired: count("How many are wanted."),
    actual: count("How many are ready."),
    reason: text(
      64,
      "Why as many: Backlog, Rate, Age, InHand, Connections, Lag, Minimum, Maximum, or Unknown where the load is not known.",
    ),
    message: text(1024, "The last change with its numbers: chat 2 → 7: backlog 640, target 100."),
    at: { type: "string", format: "date-time", description: "When that was decided." },
  },
};

/** Schema of what the operator writes. What it does not know is kept all the same: a newer operator may have written it. */
export const status: Structural = {
  type: "object",
  description: "What is; written by the operator alone.",
  "x-kubernetes-preserve-unknown-fields": true,
  properties: {
    observedGeneration: count("metadata.generation that all of this speaks of."),
    version: text(64, "The data plane's release that runs."),
    update: {
      type: "object",
      description: "Present while the operator has a later release than the one that runs.",
      properties: { available: text(64, "Write it to spec.version to update.") },
    },
    conditions: {
      type: "array",
      description: "Ready is the one to wait for; Stalled says what nobody but you can mend.",
      maxItems: 16,
      items: condition,
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["type"],
    },
    gateways: text(32, "Ready and wanted gateways: 2/2."),
    workers: text(32, "Ready and wanted workers of all pools: 3/3."),
    backlog: count("Jobs of all pools, waiting and in hand, to two digits."),
    pools: {
      type: "array",
      description: "The pools of workers.",
      maxItems: 64,
      items: pool,
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["name"],
    },
    scaling: {
      type: "array",
      description: "The counts that follow their load.",
      maxItems: 65,
      items: scaling,
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["name"],
    },
    endpoints: {
      type: "object",
      description: "Where the cluster is found.",
      properties: {
        clients: text(512, "Clients inside the Kubernetes cluster: host:port of the Service."),
        api: text(512, "Callers of the HTTP API inside the Kubernetes cluster: host:port of its Service."),
        external: text(
          512,
          "Clients outside, as far as it is known: an address of the load balancer or the host of the Ingress or HTTPRoute.",
        ),
      },
    },
  },
};
