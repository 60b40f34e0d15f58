import { rabbitmqSpec } from "./managed.ts";
import type { PlanInput } from "./model.ts";
import { childNames } from "./names.ts";
import { bytesOf } from "./quantity.ts";

/** What the container may use; RabbitMQ blocks publishers well below it. */
export const MEMORY_LIMIT = "1Gi";

const DISK_FREE_LIMIT_BYTES = 1e9;

/** Governs the nodes' names in DNS; they find each other before they are ready. */
export const nodesServiceName = (cluster: string): string => `${childNames(cluster).rabbitmq}-nodes`;

/** Where a node is found, after its pod's name. */
export const nodeDomain = ({ cluster, settings }: PlanInput): string =>
  `${nodesServiceName(cluster.name)}.${cluster.namespace}.svc.${settings.clusterDomain}`;

/**
 * What every node is told. A quorum queue that was made while fewer nodes ran gets its members when the others are there
 * (rabbitmq.com/docs/quorum-queues, continuous membership reconciliation; RabbitMQ 3.13 and later).
 */
export const rabbitmqConfig = `log.console = true
log.console.level = info
listeners.tcp.default = 5672
management.tcp.port = 15672
default_queue_type = quorum
cluster_name = realtime
cluster_partition_handling = pause_minority
total_memory_available_override_value = ${bytesOf(MEMORY_LIMIT)}
vm_memory_high_watermark.relative = 0.6
quorum_queue.continuous_membership_reconciliation.enabled = true
quorum_queue.continuous_membership_reconciliation.auto_remove = false
quorum_queue.continuous_membership_reconciliation.target_group_size = 3
quorum_queue.continuous_membership_reconciliation.interval = 60000
`;

export const ENABLED_PLUGINS = "[rabbitmq_management].\n";

/** What depends on how many nodes there are and how large: read when a node starts, so that growth restarts nobody. */
export const rabbitmqPeers = (input: PlanInput, { replicas, storage }: { replicas: number; storage: string }): string =>
  [
    `disk_free_limit.absolute = ${Math.round(Math.min(DISK_FREE_LIMIT_BYTES, bytesOf(storage) / 5))}`,
    "cluster_formation.peer_discovery_backend = classic_config",
    `cluster_formation.target_cluster_size_hint = ${replicas}`,
    ...Array.from(
      { length: replicas },
      (_, ordinal) =>
        `cluster_formation.classic_config.nodes.${ordinal + 1} = rabbit@${childNames(input.cluster.name).rabbitmq}-${ordinal}.${nodeDomain(input)}`,
    ),
    "",
  ].join("\n");

/** Whether the resource leaves RabbitMQ to its own operator. */
export const isClusterOperators = (input: PlanInput): boolean =>
  rabbitmqSpec(input).operator === "RabbitmqClusterOperator";
