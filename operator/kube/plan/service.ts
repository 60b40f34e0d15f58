import type { KubeObject } from "../runtime/object.ts";
import { selectedRevision } from "./gateway-revisions.ts";
import { LABEL, labelsOf, selectorOf, TAKES_CLIENTS } from "./labels.ts";
import { loadBalancerFields } from "./load-balancer.ts";
import type { PlanInput } from "./model.ts";
import { childNames } from "./names.ts";

/** The port of the clients' Service inside the cluster. */
export const CLIENTS_PORT = 3000;

/** How long a Service remembers by a client's address where it was sent; every new connection counts anew. */
const AFFINITY_SECONDS = 60;

/** A Gateway may upgrade connections to a backend that says so alone (GEP-1911). */
const WEBSOCKET = { appProtocol: "kubernetes.io/ws" };

/** Traefik and HAProxy Technologies' controller are told of the cookie on the Service, and the latter ignores it on an Ingress; nobody else reads it. */
const cookieAnnotations = (cluster: string): Record<string, string> => ({
  "traefik.ingress.kubernetes.io/service.sticky.cookie": "true",
  "traefik.ingress.kubernetes.io/service.sticky.cookie.name": `${cluster}-gateway`,
  "traefik.ingress.kubernetes.io/service.sticky.cookie.httponly": "true",
  "haproxy.org/cookie-persistence": `${cluster}-gateway`,
});

/**
 * The clients' Service: the way in for every type of `expose`, and the pods of one revision at a time, but for those that shed. Behind an Ingress or a Gateway
 * it has no affinity of its own, since the address it would go by is theirs.
 */
export const clientsService = (input: PlanInput): KubeObject => {
  const { name, spec } = input.cluster;
  const { type, stickiness, annotations, serviceAnnotations } = spec.gateway.expose;
  const isEntry = type === "ClusterIP" || type === "LoadBalancer";
  const byAddress = isEntry && stickiness !== "none";
  const byCookie = type === "Ingress" && (stickiness === "auto" || stickiness === "cookie");
  const all = {
    ...(byCookie ? cookieAnnotations(name) : {}),
    ...serviceAnnotations,
    ...(isEntry ? annotations : {}),
  };
  const { port, ...fields } =
    type === "LoadBalancer"
      ? loadBalancerFields(spec.gateway.expose.loadBalancer)
      : { type: "ClusterIP", port: CLIENTS_PORT };
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: childNames(name).gateway,
      labels: labelsOf(name, "gateway"),
      ...(Object.keys(all).length === 0 ? {} : { annotations: all }),
    },
    spec: {
      ...fields,
      selector: { ...selectorOf(name, "gateway"), ...TAKES_CLIENTS, [LABEL.revision]: selectedRevision(input) },
      ports: [
        { name: "clients", port, targetPort: "clients", protocol: "TCP", ...(type === "Gateway" ? WEBSOCKET : {}) },
      ],
      sessionAffinity: byAddress ? "ClientIP" : "None",
      ...(byAddress ? { sessionAffinityConfig: { clientIP: { timeoutSeconds: AFFINITY_SECONDS } } } : {}),
    },
  };
};
