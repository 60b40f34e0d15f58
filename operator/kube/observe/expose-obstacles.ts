import { z } from "zod";
import type { Obstacle } from "../../port.ts";
import type { KubeObject } from "../runtime/object.ts";
import { sentence } from "./last-words.ts";

const PENDING_MS = 60_000;

const service = z.object({
  spec: z.object({ type: z.string().optional(), loadBalancerClass: z.string().optional() }).default({}),
  status: z.object({ loadBalancer: z.object({ ingress: z.array(z.unknown()).nullish() }).optional() }).default({}),
});

const route = z.object({
  status: z
    .object({
      parents: z
        .array(
          z.object({
            parentRef: z.object({ name: z.string() }),
            conditions: z
              .array(z.object({ type: z.string(), status: z.string(), message: z.string().default("") }))
              .default([]),
          }),
        )
        .default([]),
    })
    .default({ parents: [] }),
});

const expose = (reason: string, message: string, isLasting: boolean): Obstacle => ({
  of: "expose",
  reason,
  message,
  isLasting,
});

const ofRoute = (object: KubeObject, isLate: boolean): Obstacle[] => {
  const { name } = object.metadata;
  const { parents } = route.parse(object).status;
  if (parents.length === 0)
    return isLate
      ? [
          expose(
            "RouteIgnored",
            `no Gateway has taken the HTTPRoute ${name}: correct spec.gateway.expose.gateway.parentRefs, or install the Gateway's controller`,
            true,
          ),
        ]
      : [];
  return parents.flatMap(({ parentRef, conditions }) => {
    const refused = conditions.find(
      ({ type, status }) => (type === "Accepted" || type === "ResolvedRefs") && status === "False",
    );
    if (refused === undefined) return [];
    const told = sentence(refused.message);
    return [
      expose(
        "RouteRefused",
        `the Gateway ${parentRef.name} refuses the HTTPRoute ${name}: ${told}: correct spec.gateway.expose, or the Gateway's listeners`,
        true,
      ),
    ];
  });
};

/** What keeps clients from the way in: a load balancer that nobody gives, a Gateway that does not take the route. */
export const exposeObstacles = (live: readonly KubeObject[], now: number): Obstacle[] =>
  live.flatMap((object) => {
    const { kind, metadata } = object;
    if (metadata.deletionTimestamp !== undefined) return [];
    const isLate = now - Date.parse(metadata.creationTimestamp ?? "") >= PENDING_MS;
    if (kind === "HTTPRoute") return ofRoute(object, isLate);
    if (kind !== "Service" || !isLate) return [];
    const { spec, status } = service.parse(object);
    if (spec.type !== "LoadBalancer" || (status.loadBalancer?.ingress ?? []).length > 0) return [];
    const nobody =
      spec.loadBalancerClass === undefined
        ? "the cluster may have no load balancers"
        : `nothing may serve the class ${spec.loadBalancerClass}`;
    return [
      expose(
        "LoadBalancerPending",
        `the Service ${metadata.name} has waited for a load balancer for more than a minute (${nobody}): install one, or choose another spec.gateway.expose.type`,
        false,
      ),
    ];
  });
