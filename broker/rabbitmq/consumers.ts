import type { ChannelModel } from "amqplib";
import type { Pool } from "#crds";
import type { Log } from "#process";
import type { Delivery, Outcome } from "../port.ts";
import { createPoolConsumer, type PoolConsumer } from "./consumer.ts";
import { declareQueues, exists } from "./declare.ts";
import { createOrderedConsumer } from "./ordered-consumer.ts";
import type { Publisher } from "./publisher.ts";
import { isOrdered, partitionQueue, plainQueues, poolQueue, type ServerVersion } from "./queues.ts";
import { createSettle } from "./settle.ts";
import { createSlots } from "./slots.ts";

export interface ConsumersOptions {
  cluster: string;
  pool: Pool;
  node: string;
  run: (delivery: Delivery) => Promise<Outcome>;
  publisher: Publisher;
  version: () => ServerVersion;
  log: Log;
  onDropped: () => void;
}

/**
 * Consumes where the pool's jobs are, and where they were before its `orderBy` changed: gateways that have not heard of the change
 * publish there, and what waits there is run, too. The pool's concurrency is for both together.
 */
export const createConsumers = (options: ConsumersOptions): PoolConsumer => {
  const { cluster, pool, version, log } = options;
  const slots = createSlots(pool.concurrency);
  const shared = { ...options, slots, settle: createSettle(options) };
  const plain = createPoolConsumer(shared);
  if (pool.mode === "request") return plain;
  const ordered = createOrderedConsumer(shared);
  const [now, before] = isOrdered(pool) ? [ordered, plain] : [plain, ordered];

  const openBefore = async (model: ChannelModel): Promise<void> => {
    const queue = isOrdered(pool) ? poolQueue(cluster, pool) : partitionQueue(cluster, pool, 0);
    if (!(await exists(model, queue))) return;
    // A job that fails there waits in a queue of its backoff.
    if (isOrdered(pool)) await declareQueues(model, cluster, plainQueues(cluster, pool, version()), log);
    await before.open(model);
  };

  return {
    open: async (model) => {
      await now.open(model);
      await openBefore(model).catch((error: unknown) =>
        log.warn({ err: error, pool: pool.name }, "cannot look yet for jobs from before a change of orderBy"),
      );
    },
    waiting: () => plain.waiting() + ordered.waiting(),
    blocked: () => ordered.blocked(),
    stop: async () => {
      await Promise.all([plain.stop(), ordered.stop()]);
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([plain[Symbol.asyncDispose](), ordered[Symbol.asyncDispose]()]);
    },
  };
};
