import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import type { Pool } from "#crds";
import { createAttemptNotes, type AttemptNotes } from "./attempt-notes.ts";
import { onChannel } from "./declare.ts";
import { priorityOf } from "./priority.ts";
import type { Publisher } from "./publisher.ts";
import { attemptsQueue, partitionKey, partitionQueue } from "./queues.ts";

/** In a worker's hands per partition: enough that one key's jobs seldom keep the others out, and no more than memory bears. */
const prefetchOf = (pool: Pool): number => Math.min(256, Math.max(32, pool.concurrency));

/** A consumption of one partition: a channel's life. What was delivered on it goes back, in its order, when the channel closes. */
export interface Partition<Held> {
  readonly number: number;
  /** Of its jobs, at the exchange `incoming`. */
  readonly key: string;
  readonly channel: Channel;
  alive: boolean;
  /** Runs under way that are to be settled here. */
  running: number;
  leaving: boolean;
  readonly held: Set<Held>;
  readonly notes: AttemptNotes;
}

export interface OpenPartition<Held extends { name: string }> {
  model: ChannelModel;
  cluster: string;
  pool: Pool;
  number: number;
  /** Who consumes: decides by rendezvous who gets the partition. */
  node: string;
  publisher: Publisher;
  onMessage: (partition: Partition<Held>, message: ConsumeMessage) => void;
  onClose: (partition: Partition<Held>) => void;
  onError: (error: unknown) => void;
}

/** How often the broker has had this message back. */
export const returns = (message: ConsumeMessage): number =>
  Number(message.properties.headers?.["x-delivery-count"] ?? 0);

/** Consumes a partition, from when it is this worker's turn; resolves before. */
export const openPartition = async <Held extends { name: string }>({
  model,
  cluster,
  pool,
  number,
  node,
  publisher,
  onMessage,
  onClose,
  onError,
}: OpenPartition<Held>): Promise<Partition<Held>> => {
  const channel = await model.createChannel();
  const register = attemptsQueue(cluster, pool, number);
  /** What was returned comes before what is fresh: then no job that was noted and is not held can come. */
  let fresh = false;
  const it: Partition<Held> = {
    number,
    key: partitionKey(pool, number),
    channel,
    alive: true,
    running: 0,
    leaving: false,
    held: new Set(),
    notes: createAttemptNotes({
      read: () =>
        onChannel(model, async (reading) => {
          const found = await reading.get(register);
          return found === false ? undefined : found.content;
        }),
      write: (content) => publisher.send({ exchange: "", key: register, content, persistent: true }),
      alive: () => it.alive,
      mayCome: (name) => !fresh || [...it.held].some((held) => held.name === name),
    }),
  };
  channel.on("error", onError);
  channel.on("close", () => {
    it.alive = false;
    onClose(it);
  });
  await channel.prefetch(prefetchOf(pool));
  await channel.consume(
    partitionQueue(cluster, pool, number),
    (message) => {
      if (message === null) return void channel.close().catch(() => {});
      if (returns(message) === 0) fresh = true;
      else it.notes.load().catch(onError);
      onMessage(it, message);
    },
    { priority: priorityOf(node, number) },
  );
  return it;
};
