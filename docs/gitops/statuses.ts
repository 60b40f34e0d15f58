const condition = (type: string, status: string, reason = "Because", message = "so it is") => ({
  type,
  status,
  reason,
  message,
});

/** A resource as GitOps tools see it, and what they are to make of it. */
export interface Case {
  metadata: { generation: number; deletionTimestamp?: string };
  status?: { observedGeneration?: number; conditions?: ReturnType<typeof condition>[] };
  argo: [status: string, message: string];
  flux: "inProgress" | "failed" | "current" | "none";
}

const at = (generation: number, observedGeneration: number, ...conditions: ReturnType<typeof condition>[]) => ({
  metadata: { generation },
  status: { observedGeneration, conditions },
});

const READY = condition("Ready", "True", "Serving", "2/2 gateways ready");
const NOT_READY = condition("Ready", "False", "NotGatewaysReady", "1/2 gateways ready");
const STALLED = condition("Stalled", "True", "ImagePullBackOff", "the image is not there");

/** By what is the case. */
export const CASES: Record<string, Case> = {
  "nobody has looked at it": {
    metadata: { generation: 1 },
    argo: ["Progressing", "the operator has not looked at it yet"],
    flux: "inProgress",
  },
  "its status is empty": {
    metadata: { generation: 1 },
    status: {},
    argo: ["Progressing", "the operator has not looked at it yet"],
    flux: "inProgress",
  },
  "it was ready before the latest change": {
    ...at(2, 1, READY),
    argo: ["Progressing", "the operator has not looked at the latest change yet"],
    flux: "inProgress",
  },
  "it was stalled before the latest change": {
    ...at(2, 1, STALLED),
    argo: ["Progressing", "the operator has not looked at the latest change yet"],
    flux: "inProgress",
  },
  "it serves": {
    ...at(2, 2, READY, condition("Stalled", "False"), condition("Paused", "False")),
    argo: ["Healthy", "Serving: 2/2 gateways ready"],
    flux: "current",
  },
  "a gateway is missing": {
    ...at(2, 2, NOT_READY, condition("Reconciling", "True"), condition("Stalled", "False")),
    argo: ["Progressing", "NotGatewaysReady: 1/2 gateways ready"],
    flux: "none",
  },
  "nobody knows whether it serves": {
    ...at(2, 2, condition("Ready", "Unknown", "NotAdapterReady", "no gateway has told")),
    argo: ["Progressing", "NotAdapterReady: no gateway has told"],
    flux: "none",
  },
  "an image is not there": {
    ...at(2, 2, condition("Ready", "False"), STALLED),
    argo: ["Degraded", "ImagePullBackOff: the image is not there"],
    flux: "failed",
  },
  "it is suspended, and serves": {
    ...at(2, 2, READY, condition("Paused", "True", "Suspended", "nothing is changed")),
    argo: ["Suspended", "Suspended: nothing is changed"],
    flux: "current",
  },
  "it is suspended, and cannot serve": {
    ...at(2, 2, NOT_READY, condition("Paused", "True"), STALLED),
    argo: ["Degraded", "ImagePullBackOff: the image is not there"],
    flux: "failed",
  },
  "data is kept and authentication is absent: news, no illness": {
    ...at(2, 2, READY, condition("DataRetained", "True"), condition("AuthenticationConfigured", "False")),
    argo: ["Healthy", "Serving: 2/2 gateways ready"],
    flux: "current",
  },
  "it is being deleted": {
    metadata: { generation: 2, deletionTimestamp: "2026-01-01T00:00:00Z" },
    status: { observedGeneration: 2, conditions: [READY] },
    argo: ["Progressing", "it is being deleted"],
    flux: "current",
  },
};
