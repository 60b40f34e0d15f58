import type { KubeObject } from "../runtime/object.ts";
import { labelsOf } from "./labels.ts";
import type { PlanInput } from "./model.ts";
import { childNames } from "./names.ts";
import { CLIENTS_PORT } from "./service.ts";

export const HTTP_ROUTE = { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute" } as const;

/** Served by the Gateway API's experimental channel alone, which is the one whose HTTPRoute knows session persistence. */
const EXPERIMENTAL = "gateway.networking.x-k8s.io/v1alpha1 XBackendTrafficPolicy";

/** Whether an HTTPRoute can ask for a cookie here; elsewhere the API server refuses the field. */
export const hasSessionPersistence = ({ settings }: PlanInput): boolean => settings.isServed(EXPERIMENTAL);

/** The HTTPRoute of the clients. No time limit for a request: a poll is answered when there is something to say. */
export const clientsRoute = (input: PlanInput): KubeObject => {
  const { name, spec } = input.cluster;
  const { annotations, stickiness, gateway: { parentRefs = [], hostnames } = {} } = spec.gateway.expose;
  const isSticky = stickiness !== "none" && hasSessionPersistence(input);
  return {
    ...HTTP_ROUTE,
    metadata: {
      name: childNames(name).gateway,
      labels: labelsOf(name, "gateway"),
      ...(annotations === undefined ? {} : { annotations }),
    },
    spec: {
      parentRefs,
      ...(hostnames === undefined ? {} : { hostnames }),
      rules: [
        {
          matches: [{ path: { type: "PathPrefix", value: "/" } }],
          backendRefs: [{ name: childNames(name).gateway, port: CLIENTS_PORT }],
          timeouts: { request: "0s" },
          ...(isSticky ? { sessionPersistence: { sessionName: `${name}-gateway`, type: "Cookie" } } : {}),
        },
      ],
    },
  };
};
