import { setTimeout as wait } from "node:timers/promises";
import type { Channel, ChannelModel } from "amqplib";
import type { Pool } from "#crds";
import type { Log } from "#process";
import { incomingExchange, queuesOf, type QueueSpec, type ServerVersion } from "./queues.ts";

const TRIES = 5;
const BETWEEN_TRIES_MS = 200;
const AT_ONCE = 8;

/** The code of an error that closed a channel: 404 not found, 406 declared otherwise. */
export const replyCode = (error: unknown): number | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "number" ? error.code : undefined;

/** Does `act` on a channel of its own and closes it. */
export const onChannel = async <T>(model: ChannelModel, act: (channel: Channel) => Promise<T>): Promise<T> => {
  const channel = await model.createChannel();
  channel.on("error", () => {});
  let open = true;
  channel.on("close", () => (open = false));
  try {
    return await act(channel);
  } finally {
    if (open) await channel.close().catch(() => {});
  }
};

/** Whether there is such a queue. */
export const exists = async (model: ChannelModel, queue: string): Promise<boolean> => {
  try {
    await onChannel(model, (channel) => channel.checkQueue(queue));
    return true;
  } catch (error) {
    if (replyCode(error) === 404) return false;
    throw error;
  }
};

const assertQueue = async (
  model: ChannelModel,
  exchange: string,
  { name, arguments: args, key }: QueueSpec,
  log: Log,
) => {
  for (let left = TRIES - 1; ; left--) {
    try {
      return await onChannel(model, async (channel) => {
        await channel.assertQueue(name, { durable: true, arguments: args });
        if (key !== undefined) await channel.bindQueue(name, exchange, key);
      });
    } catch (error) {
      if (replyCode(error) === 406) {
        log.warn({ err: error, queue: name }, "the queue was declared otherwise and stays as it is");
        return onChannel(model, async (channel) => {
          if (key !== undefined) await channel.bindQueue(name, exchange, key);
        });
      }
      if (left === 0) throw error;
      await wait(BETWEEN_TRIES_MS);
    }
  }
};

/** Makes the exchange and the queues of the pools, whatever is there already. */
export const declarePools = async (
  model: ChannelModel,
  cluster: string,
  pools: Iterable<Pool>,
  version: ServerVersion,
  log: Log,
): Promise<void> => {
  const exchange = incomingExchange(cluster);
  await onChannel(model, (channel) => channel.assertExchange(exchange, "direct", { durable: true }));
  for (const pool of pools) await declareQueues(model, cluster, queuesOf(cluster, pool, version), log);
};

/** Makes queues, a few at a time. */
export const declareQueues = async (
  model: ChannelModel,
  cluster: string,
  queues: readonly QueueSpec[],
  log: Log,
): Promise<void> => {
  const rest = [...queues];
  const inTurn = async () => {
    for (let queue = rest.shift(); queue !== undefined; queue = rest.shift())
      await assertQueue(model, incomingExchange(cluster), queue, log);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, inTurn));
};
