import { z } from "zod";
import type { Cluster } from "#crds";
import type { Obstacle } from "../../port.ts";
import type { KubeObject } from "../runtime/object.ts";
import { clientsRoute, HTTP_ROUTE, hasSessionPersistence } from "./http-route.ts";
import { clientsIngress } from "./ingress.ts";
import { DEFAULT_PORT } from "./load-balancer.ts";
import type { Part, PlanInput } from "./model.ts";
import { childNames } from "./names.ts";
import { clientsService, CLIENTS_PORT } from "./service.ts";

const balancer = z.looseObject({
  status: z
    .looseObject({
      loadBalancer: z
        .looseObject({
          ingress: z.array(z.looseObject({ ip: z.string().optional(), hostname: z.string().optional() })).optional(),
        })
        .optional(),
    })
    .optional(),
});

const routed = z.looseObject({
  status: z.looseObject({ parents: z.array(z.unknown()).default([]) }).default({ parents: [] }),
});

const named = (live: readonly KubeObject[], kind: string, cluster: string): KubeObject | undefined =>
  live.find((it) => it.kind === kind && it.metadata.name === childNames(cluster).gateway);

const addressOf = (object: KubeObject | undefined): string | undefined => {
  const parsed = balancer.safeParse(object);
  const [first] = parsed.success ? (parsed.data.status?.loadBalancer?.ingress ?? []) : [];
  return first?.hostname ?? first?.ip;
};

const obstacle = (reason: string, message: string, isLasting = false): Obstacle => ({
  of: "expose",
  reason,
  message,
  isLasting,
});

const ofBalancer = ({ cluster: { name }, live }: PlanInput): Obstacle[] =>
  addressOf(named(live, "Service", name)) === undefined
    ? [obstacle("AddressPending", `the load balancer of the Service ${childNames(name).gateway} has no address yet`)]
    : [];

const ofRoute = (input: PlanInput): Obstacle[] => {
  const { name, spec } = input.cluster;
  const noCookie =
    spec.gateway.expose.stickiness === "cookie" && !hasSessionPersistence(input)
      ? [
          obstacle(
            "CookieNotServed",
            `HTTPRoutes here know no session persistence (the Gateway API's experimental channel has it): set gateway.expose.stickiness to auto or none, or install that channel`,
          ),
        ]
      : [];
  const parsed = routed.safeParse(named(input.live, HTTP_ROUTE.kind, name));
  return parsed.success && parsed.data.status.parents.length > 0
    ? noCookie
    : [...noCookie, obstacle("RoutePending", `no Gateway has taken the HTTPRoute ${childNames(name).gateway} yet`)];
};

/**
 * The way in for clients: the Service always, and what `gateway.expose` asks for in front of it. The API's port is in none of it. Its
 * obstacles are what is only waited for; who waits too long, or is refused, is the observer's to say.
 */
export const expose: Part = (input) => {
  const service = clientsService(input);
  switch (input.cluster.spec.gateway.expose.type) {
    case "ClusterIP":
      return { objects: [service] };
    case "LoadBalancer":
      return { objects: [service], obstacles: ofBalancer(input) };
    case "Ingress":
      return { objects: [service, clientsIngress(input)] };
    case "Gateway":
      return input.settings.isServed(`${HTTP_ROUTE.apiVersion} ${HTTP_ROUTE.kind}`)
        ? { objects: [service, clientsRoute(input)], obstacles: ofRoute(input) }
        : {
            objects: [service],
            obstacles: [
              obstacle(
                "GatewayApiMissing",
                `${HTTP_ROUTE.apiVersion} is not served here: install the Gateway API (gateway-api.sigs.k8s.io), or set gateway.expose.type to another`,
                true,
              ),
            ],
          };
  }
};

/** Where clients and callers of the API find a cluster. */
export interface Endpoints {
  /** Inside the cluster: `chat-gateway.default.svc:3000`. */
  clients: string;
  /** Inside the cluster; absent: there is no API. */
  api?: string;
  /** From outside, as far as it is known. */
  external?: string;
}

const externalOf = ({ name, spec }: Cluster, live: readonly KubeObject[]): string | undefined => {
  const { type, loadBalancer, ingress, gateway } = spec.gateway.expose;
  switch (type) {
    case "ClusterIP":
      return undefined;
    case "LoadBalancer": {
      const address = addressOf(named(live, "Service", name));
      const port = loadBalancer?.port ?? DEFAULT_PORT;
      const host = address?.includes(":") ? `[${address}]` : address;
      return host && `http://${host}${port === DEFAULT_PORT ? "" : `:${port}`}`;
    }
    case "Ingress": {
      const host = ingress?.host ?? addressOf(named(live, "Ingress", name));
      return host && `${ingress?.tlsSecretName === undefined ? "http" : "https"}://${host}`;
    }
    case "Gateway":
      return gateway?.hostnames?.[0];
  }
};

/** The endpoints of a cluster, by its resource and its live children. */
export const endpointsOf = (cluster: Cluster, live: readonly KubeObject[]): Endpoints => {
  const { name, namespace, spec } = cluster;
  const { type, loadBalancer } = spec.gateway.expose;
  const names = childNames(name);
  const port = type === "LoadBalancer" ? (loadBalancer?.port ?? DEFAULT_PORT) : CLIENTS_PORT;
  const external = externalOf(cluster, live);
  return {
    clients: `${names.gateway}.${namespace}.svc:${port}`,
    ...(spec.gateway.api === undefined ? {} : { api: `${names.api}.${namespace}.svc:${spec.gateway.api.port}` }),
    ...(external === undefined ? {} : { external }),
  };
};
