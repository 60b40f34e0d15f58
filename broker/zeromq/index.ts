import { randomBytes } from "node:crypto";
import type { Broker, BrokerOptions } from "../index.ts";
import { parseBrokerWord, type BrokerCall } from "#crds";
import { openLink } from "#link";
import { counter } from "#process";
import { createAsker } from "./asker.ts";
import { createConsumer } from "./consumer.ts";
import { createInspector } from "./inspector.ts";
import { createPublisher } from "./publisher.ts";
import { queueName, queueSettings } from "./queue-name.ts";

/** What a part of this driver says to the hub; false where it was dropped. */
export type Say = (call: BrokerCall, body?: Uint8Array) => boolean;

/**
 * The broker in the hub, over one line. Jobs live in memory twice, in the hub and in the process that published them, which offers them
 * again to a hub that came back empty: any one process killed loses nothing.
 */
export const openZeromqBroker = async ({ cluster, node, settings, log, registry }: BrokerOptions): Promise<Broker> => {
  const dropped = counter(registry, {
    name: "realtime_broker_dropped_total",
    help: "Messages to the hub's broker that were not sent: the hub was away, or the line's buffer full. Jobs among them were refused.",
  });
  const link = await openLink({
    service: "broker",
    node: `${node}~${randomBytes(4).toString("hex")}`,
    settings,
    log,
    onDropped: (count) => dropped.inc(count),
  });
  const say: Say = (call, body) => link.send(call, body);
  const asker = createAsker({ say });
  const declared = new Map<string, string>();

  const sayDeclare = (queue: string, text: string) => {
    declared.set(queue, text);
    return asker.ask((ref) => ["declare", ref, queue, JSON.parse(text)]);
  };
  const publisher = createPublisher({ say, log, connected: () => link.connected() });
  const consumer = createConsumer({ say, log, asker });
  const inspector = createInspector({ asker });

  link.onMessage((header, body) => {
    const word = parseBrokerWord(header);
    if (word === undefined) return log.warn("the hub's broker says something unknown");
    switch (word[0]) {
      case "job":
        return consumer.take(word[1], word[2], word[3], body);
      case "answer":
        return asker.answer(word[1], word[2]);
      case "letter":
        return asker.part(word[1], { id: word[2], attempts: word[3], death: word[4], bytes: Buffer.from(body) });
      default:
        return publisher.hear(word);
    }
  });
  link.onUp(({ fresh }) => {
    for (const [queue, text] of declared) sayDeclare(queue, text).catch(() => {});
    if (fresh) say(["back"]);
    consumer.up();
    publisher.up(fresh);
  });
  link.onDown(() => {
    asker.down();
    publisher.down();
  });

  /** The queue of a pool, declared on the way where it is not yet. */
  const queueOf = (pool: Parameters<Broker["publish"]>[0]): string => {
    const queue = queueName(cluster, pool);
    if (!declared.has(queue)) sayDeclare(queue, JSON.stringify(queueSettings(pool))).catch(() => {});
    return queue;
  };

  return {
    promises: { durable: false, ordered: true, orderedHands: true },
    connected: () => link.connected(),
    declare: async (pools) => {
      const answers = pools.map((pool) =>
        sayDeclare(queueName(cluster, pool), JSON.stringify(queueSettings(pool))).catch((error: unknown) => {
          throw new Error(
            `pool ${pool.name}: the hub did not confirm its queue; it will be declared at the next connect`,
            {
              cause: error,
            },
          );
        }),
      );
      await Promise.all(answers);
    },
    publish: (pool, job) => publisher.publish(pool, queueOf(pool), job),
    consume: (pool, run) => Promise.resolve(consumer.consume(pool, queueOf(pool), run)),
    depth: (pool) => inspector.depth(queueOf(pool)),
    deadLetters: (pool, limit) => inspector.deadLetters(pool, queueOf(pool), limit),
    redrive: (pool, ids) => inspector.redrive(queueOf(pool), ids),
    [Symbol.asyncDispose]: async () => {
      consumer.close();
      await publisher.close();
      asker.down();
      await link[Symbol.asyncDispose]();
    },
  };
};
