import { crc32 } from "node:zlib";
import type { Job, Pool } from "#crds";
import { retrySteps } from "../retry.ts";

/** A server's release: what of AMQP's extensions it knows. */
export interface ServerVersion {
  major: number;
  minor: number;
}

/** The release in a server's properties; undefined where it names none. */
export const parseVersion = (text: string | undefined): ServerVersion | undefined => {
  const found = /^(\d+)\.(\d+)/.exec(text ?? "");
  return found === null ? undefined : { major: Number(found[1]), minor: Number(found[2]) };
};

/** Whether `version` is that release or a later one. */
export const atLeast = (version: ServerVersion, major: number, minor: number): boolean =>
  version.major > major || (version.major === major && version.minor >= minor);

/** A queue as it is declared, and the key by which the exchange `incoming` finds it, if it does. */
export interface QueueSpec {
  name: string;
  arguments: Record<string, string | number | boolean>;
  key?: string;
}

/** ms after which RabbitMQ takes a job back from a worker that does not answer, unless the queue says otherwise. */
const SERVER_CONSUMER_TIMEOUT_MS = 30 * 60_000;
const CONSUMER_TIMEOUT_MARGIN_MS = 60_000;
/**
 * With a limit a quorum queue returns messages to its head, without one to its back. What it limits is decided here
 * (`lost`), so that it must never be reached.
 */
const DELIVERY_LIMIT = 1_000_000_000;
/**
 * For a partition: a job waits in its worker's hands behind others of its key and through their backoffs, however long. The same for
 * every pool, since a queue keeps the arguments that it was declared with.
 */
const PARTITION_CONSUMER_TIMEOUT_MS = 2_000_000_000;
const PARTITIONS = 16;

/** The exchange that gateways publish to. */
export const incomingExchange = (cluster: string): string => `${cluster}.incoming`;

/** The key of a pool's jobs at the exchange `incoming`. */
export const routingKey = (pool: Pool): string => `${pool.mode === "request" ? "requests" : "jobs"}.${pool.name}`;

/** Whether the pool's jobs lie in partitions, by key. */
export const isOrdered = (pool: Pool): boolean => pool.orderBy !== "none" && pool.mode !== "request";

/** The partitions of a pool with `orderBy`. */
export const partitions: readonly number[] = Array.from({ length: PARTITIONS }, (_, index) => index);

/** The partition of a key's jobs; those without one are spread by their id. */
export const partitionOf = ({ key, id }: Pick<Job, "key" | "id">): number => crc32(key ?? id) % PARTITIONS;

/** The key of a partition's jobs at the exchange `incoming`. */
export const partitionKey = (pool: Pool, partition: number): string => `jobs.${pool.name}.${partition}`;

/** The key of this job at the exchange `incoming`. */
export const routingKeyOf = (pool: Pool, job: Pick<Job, "key" | "id">): string =>
  isOrdered(pool) ? partitionKey(pool, partitionOf(job)) : routingKey(pool);

/** The queue of a partition: one worker at a time consumes it. */
export const partitionQueue = (cluster: string, pool: Pool, partition: number): string =>
  `${cluster}.${partitionKey(pool, partition)}`;

/** The queue of one message that says how often a partition's jobs were tried. */
export const attemptsQueue = (cluster: string, pool: Pool, partition: number): string =>
  `${cluster}.attempts.${pool.name}.${partition}`;

/** The queue that workers of a pool without `orderBy` consume. */
export const poolQueue = (cluster: string, pool: Pool): string => `${cluster}.${routingKey(pool)}`;

/** The queue in which a failed job waits `ms` for its next attempt. */
export const delayQueue = (cluster: string, pool: Pool, ms: number): string => `${cluster}.delay.${pool.name}.${ms}`;

/** The queue of the pool's dead letters. */
export const deadQueue = (cluster: string, pool: Pool): string => `${cluster}.dead.${pool.name}`;

const consumerTimeoutMs = (pool: Pool): number => Math.ceil(pool.timeoutSeconds * 1000) + CONSUMER_TIMEOUT_MARGIN_MS;

/** Why this server cannot serve the pool, with the way out; undefined where it can. */
export const whyNot = (pool: Pool, version: ServerVersion): string | undefined => {
  if (isOrdered(pool) && !atLeast(version, 4, 0))
    return `pool ${pool.name}: workers[].orderBy needs RabbitMQ 4.0 or later, and this one is ${version.major}.${version.minor}; upgrade it, set broker.type: zeromq, or orderBy: none`;
  if (!isOrdered(pool) && consumerTimeoutMs(pool) > SERVER_CONSUMER_TIMEOUT_MS && !atLeast(version, 3, 12))
    return `pool ${pool.name}: workers[].timeoutSeconds above ${(SERVER_CONSUMER_TIMEOUT_MS - CONSUMER_TIMEOUT_MARGIN_MS) / 1000} needs RabbitMQ 3.12 or later, and this one is ${version.major}.${version.minor}; upgrade it, or split the work`;
  return undefined;
};

const safeDeadLettering = { "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish" };

/** Those of a pool without `orderBy`, but for the dead letters'. */
export const plainQueues = (cluster: string, pool: Pool, version: ServerVersion): QueueSpec[] => {
  const needsTimeout = consumerTimeoutMs(pool) > SERVER_CONSUMER_TIMEOUT_MS && atLeast(version, 3, 12);
  return [
    {
      name: poolQueue(cluster, pool),
      arguments: {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": deadQueue(cluster, pool),
        ...safeDeadLettering,
        ...(needsTimeout ? { "x-consumer-timeout": consumerTimeoutMs(pool) } : {}),
      },
      key: routingKey(pool),
    },
    ...retrySteps(pool.retry).map((ms) => ({
      name: delayQueue(cluster, pool, ms),
      arguments: {
        "x-queue-type": "quorum",
        "x-message-ttl": ms,
        "x-dead-letter-exchange": incomingExchange(cluster),
        "x-dead-letter-routing-key": routingKey(pool),
        ...safeDeadLettering,
      },
    })),
  ];
};

const partitionQueues = (cluster: string, pool: Pool): QueueSpec[] =>
  partitions.flatMap((partition) => [
    {
      name: attemptsQueue(cluster, pool, partition),
      arguments: { "x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT, "x-max-length": 1 },
    },
    {
      name: partitionQueue(cluster, pool, partition),
      arguments: {
        "x-queue-type": "quorum",
        "x-single-active-consumer": true,
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-consumer-timeout": PARTITION_CONSUMER_TIMEOUT_MS,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": deadQueue(cluster, pool),
        ...safeDeadLettering,
      },
      key: partitionKey(pool, partition),
    },
  ]);

/** All queues of a pool at a server of that release. Their names hold what may change, so that a declaration never meets another's. */
export const queuesOf = (cluster: string, pool: Pool, version: ServerVersion): QueueSpec[] => {
  if (pool.mode === "request")
    return [{ name: poolQueue(cluster, pool), arguments: { "x-queue-type": "classic" }, key: routingKey(pool) }];
  const dead: QueueSpec = {
    name: deadQueue(cluster, pool),
    arguments: { "x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT },
  };
  return [dead, ...(isOrdered(pool) ? partitionQueues(cluster, pool) : plainQueues(cluster, pool, version))];
};
