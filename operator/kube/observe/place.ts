import type { Cluster } from "#crds";
import { childNames } from "../plan/names.ts";
import type { Ref } from "../runtime/object.ts";

/** Where in the resource a user changes what concerns a role or a server: `spec.gateway`, `spec.workers[1]`, `spec.servers.redis`. */
export const placeOf = (of: string, { spec }: Pick<Cluster, "spec">): string => {
  if (of === "redis" || of === "rabbitmq") return `spec.servers.${of}`;
  const index = spec.workers.findIndex(({ name }) => `worker-${name}` === of);
  return index === -1 ? "spec.gateway" : `spec.workers[${index}]`;
};

/** Whether a user has merged something over the pods of a place. */
export const hasPodTemplate = (of: string, { spec }: Pick<Cluster, "spec">): boolean =>
  of === "gateway"
    ? spec.gateway.podTemplate !== undefined
    : spec.workers.some(({ name, podTemplate }) => `worker-${name}` === of && podTemplate !== undefined);

/** The role or server that a child belongs to, by its name, or `expose` where it is the way in. */
export const concernOf = ({ kind, name }: Ref, { name: cluster, spec }: Pick<Cluster, "name" | "spec">): string => {
  const names = childNames(cluster);
  if (kind === "Ingress" || kind === "HTTPRoute" || (kind === "Service" && name === names.gateway)) return "expose";
  const pool = spec.workers.find((it) => name === names.worker(it.name));
  if (pool !== undefined) return `worker-${pool.name}`;
  const isOf = (part: string) => name === part || name.startsWith(`${part}-`) || name.includes(`-${part}-`);
  if (isOf(names.redis)) return "redis";
  if (isOf(names.rabbitmq)) return "rabbitmq";
  if (isOf(names.hub)) return "hub";
  return "gateway";
};

/** What an obstacle's `of` says: servers are one. */
export const subjectOf = (concern: string): string =>
  concern === "redis" || concern === "rabbitmq" ? "servers" : concern;
