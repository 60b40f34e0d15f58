import type { Gateway } from "#crds";

/** Of a load balancer that says nothing about itself. */
export const DEFAULT_PORT = 80;

/**
 * What makes the clients' Service a load balancer. Any node passes connections on unless the file says otherwise: with
 * `externalTrafficPolicy: Local` a node whose gateways a roll has moved refuses clients until the balancer has noticed.
 */
export const loadBalancerFields = (asked: Gateway["expose"]["loadBalancer"]) => ({
  type: "LoadBalancer",
  port: asked?.port ?? DEFAULT_PORT,
  externalTrafficPolicy: asked?.externalTrafficPolicy ?? "Cluster",
  ...(asked?.className === undefined ? {} : { loadBalancerClass: asked.className }),
  ...(asked?.sourceRanges === undefined ? {} : { loadBalancerSourceRanges: asked.sourceRanges }),
});
