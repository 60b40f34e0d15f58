import { openConnection } from "#amqp";
import { gauge, type Log, type ServerSettings } from "#process";
import type { Registry } from "prom-client";
import { busMetrics } from "../metrics.ts";
import type { Bus } from "../port.ts";
import { createTopics } from "../topics.ts";
import { createBindings } from "./bindings.ts";
import type { FoldingLimits } from "./folding.ts";
import { createPublisher } from "./publisher.ts";
import { openReceiver } from "./receiver.ts";
import { keyOf, outgoingExchange, partitionOf } from "./routing.ts";

const OPEN_TIMEOUT_MS = 10_000;
/** Each process says something to itself so often, and finds out that somebody took the exchange away, and its bindings with it. */
const PROBE_MS = 5000;
const SILENT_TICKS = 2;
const NO_BYTES = new Uint8Array(0);

export interface RabbitmqBusOptions {
  cluster: string;
  node: string;
  settings: () => Promise<ServerSettings>;
  log: Log;
  registry: Registry;
  limits: FoldingLimits;
}

/**
 * The Bus on RabbitMQ 3.10 and later: an exchange to publish to and a queue of this process's own, over a connection each, so that a server
 * which holds up publishers does not hold up who hears. Rejects where neither is open within 10 s.
 */
export const openRabbitmqBus = async (options: RabbitmqBusOptions): Promise<Bus & AsyncDisposable> => {
  const { cluster, node, settings, log, registry, limits } = options;
  const exchange = outgoingExchange(cluster);
  const metrics = busMetrics(registry);
  /** By routing key. */
  const topics = createTopics({ metrics, log });
  const bindings = createBindings(limits, (error) => {
    log.warn({ err: error }, "a queue could not be bound");
    hearing.reset();
  });
  const bound = gauge(registry, {
    name: "realtime_bus_bindings",
    help: "Bindings of this process's queue: rooms, folded partitions, namespaces and Bus topics.",
  });
  const folded = gauge(registry, {
    name: "realtime_bus_folded_partitions",
    help: "Partitions, of 64, whose rooms this process takes in whole and sorts itself.",
  });
  const count = setInterval(() => {
    const counts = bindings.counts();
    bound.set(counts.bound);
    folded.set(counts.folded);
  }, 1000).unref();

  await using opening = new AsyncDisposableStack();
  opening.defer(() => clearInterval(count));
  const publisher = createPublisher({
    exchange,
    metrics,
    blocked: () => publishing.blocked(),
    reset: () => publishing.reset(),
  });
  let wasHeard = false;
  let silentTicks = 0;
  const hearing = opening.use(
    openConnection({
      name: `${node} hears`,
      settings,
      log,
      setUp: async (model) => {
        let ended = false;
        const target = await openReceiver(model, exchange, {
          onMessage: (keys, message) => {
            silentTicks = 0;
            topics.deliver(keys, message);
          },
          onEnd: () => {
            if (!ended) hearing.reset();
            ended = true;
          },
        });
        await bindings.attach(target);
        wasHeard = true;
      },
      onLost: () => {
        bindings.detach();
        if (wasHeard) metrics.interrupted();
        wasHeard = false;
      },
    }),
  );
  const publishing = opening.use(
    openConnection({
      name: `${node} publishes`,
      settings,
      log,
      setUp: async (model) => {
        const channel = await model.createChannel();
        await channel.assertExchange(exchange, "direct", { durable: true });
        await channel.close();
        await publisher.attach(model);
      },
      onLost: () => {},
    }),
  );
  opening.use(publisher);
  opening.defer(() => bindings.close());
  const connected = () => publisher.attached() && publishing.current() !== undefined && hearing.current() !== undefined;
  const alive = `alive:${node}`;
  bindings.want(keyOf(alive), undefined);
  const probe = setInterval(() => {
    if (!connected()) return void (silentTicks = 0);
    if (silentTicks >= SILENT_TICKS) {
      log.warn("nothing that is published arrives: the queue is made anew");
      silentTicks = 0;
      return hearing.reset();
    }
    silentTicks += 1;
    publisher.publish(alive, NO_BYTES);
  }, PROBE_MS).unref();
  opening.defer(() => clearInterval(probe));
  await Promise.all([hearing.opened(OPEN_TIMEOUT_MS), publishing.opened(OPEN_TIMEOUT_MS)]);
  const stack = opening.move();
  return {
    publish: (to, message) => publisher.publish(to, message),
    subscribe: async (topic, listener) => {
      const key = keyOf(topic);
      const partition = partitionOf(topic, key);
      if (topics.add(key, listener)) bindings.want(key, partition);
      let ended = false;
      const end = () => {
        if (ended) return;
        ended = true;
        if (topics.remove(key, listener)) bindings.unwant(key, partition);
      };
      try {
        await bindings.active(key, partition);
      } catch (error) {
        end();
        throw error;
      }
      return { [Symbol.asyncDispose]: async () => end() };
    },
    connected,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};
