import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import { Refusal, type DeadLetter, type Pool } from "#crds";
import type { Depth, Inspector } from "../port.ts";
import { retrySteps } from "../retry.ts";
import { readDeadLetter } from "./dead-letter.ts";
import { exists, onChannel, replyCode } from "./declare.ts";
import type { Publisher } from "./publisher.ts";
import {
  deadQueue,
  delayQueue,
  incomingExchange,
  isOrdered,
  partitionQueue,
  partitions,
  poolQueue,
  routingKeyOf,
} from "./queues.ts";

const MAX_LISTED = 1000;
const REDRIVEN_AT_ONCE = 200;
/** ms without a message after which the rest is taken to be in other hands. */
const QUIET_MS = 2000;

export interface InspectorOptions {
  cluster: string;
  current: () => ChannelModel | undefined;
  publisher: Publisher;
}

/** How many messages wait in each of `queues`; none where there is no such queue. */
const waitingIn = async (model: ChannelModel, queues: readonly string[]): Promise<number[]> => {
  const counts: number[] = [];
  const rest = [...queues];
  while (rest.length > 0)
    try {
      await onChannel(model, async (channel) => {
        for (let queue = rest[0]; queue !== undefined; queue = rest[0]) {
          counts.push((await channel.checkQueue(queue)).messageCount);
          rest.shift();
        }
      });
    } catch (error) {
      if (replyCode(error) !== 404) throw error;
      counts.push(0);
      rest.shift();
    }
  return counts;
};

/**
 * Shows `each` the first `count` messages of a queue, oldest first. What is not acknowledged by then goes back to the head, in order.
 */
const browse = (
  model: ChannelModel,
  queue: string,
  { count, prefetch }: { count: number; prefetch: number },
  each: (message: ConsumeMessage, channel: Channel) => Promise<void>,
): Promise<void> =>
  onChannel(model, async (channel) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let seen = 0;
    const acts: Promise<void>[] = [];
    const finish = () => void Promise.all(acts).then(() => resolve(), reject);
    const quiet = setTimeout(finish, QUIET_MS);
    channel.on("close", () => reject(new Error("the channel was closed")));
    promise.catch(() => {});
    try {
      await channel.prefetch(prefetch);
      await channel.consume(queue, (message) => {
        if (message === null) return finish();
        if (seen === count) return;
        seen++;
        quiet.refresh();
        const act = each(message, channel);
        act.catch(reject);
        acts.push(act);
        if (seen === count) finish();
      });
      await promise;
    } finally {
      clearTimeout(quiet);
    }
  });

export const createInspector = ({
  cluster,
  current,
  publisher,
}: InspectorOptions): Inspector & {
  /** Pools were declared: what queues they had before is asked again. */
  changed(): void;
} => {
  /** By pool, the queues that jobs wait in. */
  const places = new Map<string, readonly string[]>();

  const placesOf = async (model: ChannelModel, pool: Pool): Promise<readonly string[]> => {
    const id = `${pool.name}/${isOrdered(pool)}/${retrySteps(pool.retry).join()}`;
    const known = places.get(id);
    if (known !== undefined) return known;
    const plain = [poolQueue(cluster, pool), ...retrySteps(pool.retry).map((ms) => delayQueue(cluster, pool, ms))];
    const ordered = partitions.map((partition) => partitionQueue(cluster, pool, partition));
    const [now, before] = isOrdered(pool) ? [ordered, plain] : [plain, ordered];
    const found = (await exists(model, before[0] ?? "")) ? [...now, ...before] : now;
    places.set(id, found);
    return found;
  };

  const connected = (): ChannelModel => {
    const model = current();
    if (model === undefined) throw new Refusal("broker_unavailable", "the broker is away");
    return model;
  };

  /** Refuses as unavailable what fails with the connection. */
  const asking = async <T>(ask: (model: ChannelModel) => Promise<T>): Promise<T> => {
    const model = connected();
    try {
      return await ask(model);
    } catch (error) {
      if (error instanceof Refusal) throw error;
      throw new Refusal("broker_unavailable", "the broker did not answer", { cause: error });
    }
  };

  return {
    changed: () => places.clear(),
    depth: (pool) =>
      asking(async (model): Promise<Depth> => {
        if (pool.mode === "request") {
          const [ready = 0] = await waitingIn(model, [poolQueue(cluster, pool)]);
          return { ready, dead: 0 };
        }
        const places = await placesOf(model, pool);
        const retries = new Set(retrySteps(pool.retry).map((ms) => delayQueue(cluster, pool, ms)));
        const [dead = 0, ...counts] = await waitingIn(model, [deadQueue(cluster, pool), ...places]);
        const sum = (of: readonly number[]) => of.reduce((total, count) => total + count, 0);
        const blocked = sum(counts.filter((_, index) => retries.has(places[index] ?? "")));
        return { ready: sum(counts), ...(blocked > 0 ? { blocked } : {}), dead };
      }),

    deadLetters: (pool, limit) =>
      asking(async (model): Promise<DeadLetter[]> => {
        const queue = deadQueue(cluster, pool);
        const [dead = 0] = await waitingIn(model, [queue]);
        const count = Math.min(limit, MAX_LISTED, dead);
        const letters: DeadLetter[] = [];
        if (count > 0)
          await browse(model, queue, { count, prefetch: count }, ({ content, properties }) => {
            letters.push(readDeadLetter(pool, { content, headers: properties.headers }));
            return Promise.resolve();
          });
        return letters;
      }),

    redrive: (pool, ids) =>
      asking(async (model) => {
        const queue = deadQueue(cluster, pool);
        const [count = 0] = await waitingIn(model, [queue]);
        const wanted = ids === undefined ? undefined : new Set(ids);
        let moved = 0;
        const putBack = async (message: ConsumeMessage, channel: Channel) => {
          const { content, properties } = message;
          const { job } = readDeadLetter(pool, { content, headers: properties.headers });
          if (wanted !== undefined && !wanted.has(job.id)) return;
          await publisher.send({
            exchange: incomingExchange(cluster),
            key: routingKeyOf(pool, job),
            content,
            persistent: true,
          });
          channel.ack(message);
          moved++;
        };
        const prefetch = wanted === undefined ? REDRIVEN_AT_ONCE : 0;
        if (count > 0) await browse(model, queue, { count, prefetch }, putBack);
        return moved;
      }),
  };
};
