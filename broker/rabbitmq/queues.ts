import type { Pool } from "#crds";
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
  arguments: Record<string, string | number>;
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

/** The exchange that gateways publish to. */
export const incomingExchange = (cluster: string): string => `${cluster}.incoming`;

/** The key of a pool's jobs at the exchange `incoming`. */
export const routingKey = (pool: Pool): string => `${pool.mode === "request" ? "requests" : "jobs"}.${pool.name}`;

/** The queue that workers of the pool consume. */
export const poolQueue = (cluster: string, pool: Pool): string => `${cluster}.${routingKey(pool)}`;

/** The queue in which a failed job waits `ms` for its next attempt. */
export const delayQueue = (cluster: string, pool: Pool, ms: number): string => `${cluster}.delay.${pool.name}.${ms}`;

/** The queue of the pool's dead letters. */
export const deadQueue = (cluster: string, pool: Pool): string => `${cluster}.dead.${pool.name}`;

const consumerTimeoutMs = (pool: Pool): number => Math.ceil(pool.timeoutSeconds * 1000) + CONSUMER_TIMEOUT_MARGIN_MS;

/** Why this server cannot serve the pool, with the way out; undefined where it can. */
export const whyNot = (pool: Pool, version: ServerVersion): string | undefined => {
  if (pool.orderBy !== "none")
    return `pool ${pool.name}: workers[].orderBy is not served by broker.type: rabbitmq; set broker.type: zeromq, or orderBy: none`;
  if (consumerTimeoutMs(pool) > SERVER_CONSUMER_TIMEOUT_MS && !atLeast(version, 3, 12))
    return `pool ${pool.name}: workers[].timeoutSeconds above ${(SERVER_CONSUMER_TIMEOUT_MS - CONSUMER_TIMEOUT_MARGIN_MS) / 1000} needs RabbitMQ 3.12 or later, and this one is ${version.major}.${version.minor}; upgrade it, or split the work`;
  return undefined;
};

/** All queues of a pool at a server of that release. Their names hold what may change, so that a declaration never meets another's. */
export const queuesOf = (cluster: string, pool: Pool, version: ServerVersion): QueueSpec[] => {
  if (pool.mode === "request")
    return [{ name: poolQueue(cluster, pool), arguments: { "x-queue-type": "classic" }, key: routingKey(pool) }];
  const safeDeadLettering = { "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish" };
  const needsTimeout = consumerTimeoutMs(pool) > SERVER_CONSUMER_TIMEOUT_MS && atLeast(version, 3, 12);
  return [
    {
      name: deadQueue(cluster, pool),
      arguments: { "x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT },
    },
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
