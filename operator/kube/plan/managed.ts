import type { ServerName } from "../../topology/model.ts";
import type { PlanInput } from "./model.ts";

/** Servers that run here, as StatefulSets or by another operator. */
export type ManagedServer = "redis" | "rabbitmq";
export const MANAGED_SERVERS: readonly ManagedServer[] = ["redis", "rabbitmq"];

/** How many nodes a server may have, as the resource's schema has it. */
const COUNTS: Record<ManagedServer, readonly number[]> = { redis: [1], rabbitmq: [1, 3] };

/** The count that is served and that `nodes` need; the largest where they are more than that. */
export const countFor = (server: ManagedServer, nodes: number): number =>
  COUNTS[server].find((count) => count >= nodes) ?? Math.max(...COUNTS[server]);

type WhenDeleted = "Retain" | "Delete";

/** `spec.servers.redis.managed` with its defaults. */
export const redisSpec = ({ cluster }: Pick<PlanInput, "cluster">): { storage: string; whenDeleted: WhenDeleted } => ({
  storage: "1Gi",
  whenDeleted: "Retain",
  ...cluster.spec.servers.redis?.managed,
});

/** `spec.servers.rabbitmq.managed` with its defaults. */
export const rabbitmqSpec = ({
  cluster,
}: Pick<PlanInput, "cluster">): {
  replicas: 1 | 3;
  storage: string;
  operator: "Builtin" | "RabbitmqClusterOperator";
  whenDeleted: WhenDeleted;
} => ({
  replicas: 1,
  storage: "10Gi",
  operator: "Builtin",
  whenDeleted: "Retain",
  ...cluster.spec.servers.rabbitmq?.managed,
});

/** Whether the resource names the server and wants it run here, though perhaps nothing uses it yet. */
export const isManaged = ({ topology }: Pick<PlanInput, "topology">, name: ServerName): boolean =>
  topology.servers.some((server) => server.name === name && server.secret === undefined);

/** Whether the server is to run here. */
export const isWanted = ({ topology }: Pick<PlanInput, "topology">, name: ServerName): boolean =>
  topology.servers.some((server) => server.name === name && server.secret === undefined && server.isUsed);

/** Name of a `RabbitmqCluster`; its operator makes children of that name's own, which must not meet ours. */
export const rabbitmqClusterName = (cluster: string): string => `${cluster}-rabbit`;

/** Whether this server is run as a StatefulSet of ours, as opposed to another operator's. */
export const isBuiltin = (input: PlanInput, name: ManagedServer): boolean =>
  name !== "rabbitmq" || rabbitmqSpec(input).operator === "Builtin";
