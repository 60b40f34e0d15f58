import type { ChannelModel } from "amqplib";
import { openConnection } from "#amqp";
import { encodeJob, Refusal, type Pool } from "#crds";
import type { BrokerOptions } from "../index.ts";
import type { Broker, BrokerPromises } from "../port.ts";
import type { PoolConsumer } from "./consumer.ts";
import { createConsumers } from "./consumers.ts";
import { declarePools } from "./declare.ts";
import { createInspector } from "./inspector.ts";
import { createMetrics } from "./metrics.ts";
import { createPublisher } from "./publisher.ts";
import { atLeast, incomingExchange, parseVersion, routingKeyOf, whyNot, type ServerVersion } from "./queues.ts";

const OPEN_TIMEOUT_MS = 10_000;
const DURABLE = { durable: true };
const NOT_DURABLE = { durable: false };

/** What RabbitMQ of that release keeps. */
export const promisesOf = (version: ServerVersion): BrokerPromises => ({
  durable: true,
  ordered: atLeast(version, 4, 0),
  orderedHands: false,
});

const unavailable = (error: unknown) => {
  throw new Refusal("broker_unavailable", "the broker is away", { cause: error });
};

/**
 * The work plane on RabbitMQ 3.10 and later: one connection to publish, one to consume, so that a server which holds up publishers
 * does not hold up workers. Rejects where neither is open within 10 s; later both are made again by themselves.
 */
export const openRabbitmqBroker = async (options: BrokerOptions): Promise<Broker> => {
  const { cluster, node, settings, log, registry } = options;
  const metrics = createMetrics(registry);
  const pools = new Map<string, Pool>();
  const consumers = new Set<PoolConsumer>();
  let version: ServerVersion = { major: 3, minor: 10 };

  const learnVersion = (model: ChannelModel) => {
    version = parseVersion(model.connection.serverProperties.version) ?? version;
    if (!atLeast(version, 3, 10))
      throw new Error(`RabbitMQ ${version.major}.${version.minor} is too old: 3.10 or later is needed`);
  };

  await using opening = new AsyncDisposableStack();
  const publisher = createPublisher({
    metrics,
    blocked: () => publishing.blocked(),
    reset: () => publishing.reset(),
  });
  const publishing = opening.use(
    openConnection({
      name: `${node} publishes`,
      settings,
      log,
      setUp: async (model) => {
        learnVersion(model);
        await declarePools(model, cluster, pools.values(), version, log);
        await publisher.attach(model);
      },
      onLost: () => metrics.reconnects.inc({ connection: "publishing" }),
    }),
  );
  const consuming = opening.use(
    openConnection({
      name: `${node} consumes`,
      settings,
      log,
      setUp: async (model) => {
        // In turn, so that one that is added meanwhile has its turn too.
        for (const consumer of consumers) await consumer.open(model);
      },
      onLost: () => metrics.reconnects.inc({ connection: "consuming" }),
    }),
  );
  opening.use(publisher);
  await Promise.all([publishing.opened(OPEN_TIMEOUT_MS), consuming.opened(OPEN_TIMEOUT_MS)]);
  const stack = opening.move();

  const exchange = incomingExchange(cluster);
  const inspector = createInspector({ cluster, current: consuming.current, publisher });

  return {
    promises: promisesOf(version),
    depth: inspector.depth,
    deadLetters: inspector.deadLetters,
    redrive: inspector.redrive,

    connected: () => publisher.attached() && publishing.current() !== undefined && consuming.current() !== undefined,

    declare: async (wanted) => {
      for (const pool of wanted) {
        const reason = whyNot(pool, version);
        if (reason !== undefined) throw new Error(reason);
      }
      for (const pool of wanted) pools.set(pool.name, pool);
      const model = await publishing.opened(OPEN_TIMEOUT_MS).catch(unavailable);
      await declarePools(model, cluster, wanted, version, log);
      inspector.changed();
    },

    publish: async (pool, job) => {
      const request = pool.mode === "request";
      await publisher.send({
        exchange,
        key: routingKeyOf(pool, job),
        content: encodeJob(job),
        persistent: !request,
        ...(request ? { expiration: Math.ceil(pool.timeoutSeconds * 1000) } : {}),
      });
      return request ? NOT_DURABLE : DURABLE;
    },

    consume: async (pool, run) => {
      const consumer = createConsumers({
        cluster,
        pool,
        node,
        run,
        publisher,
        version: () => version,
        log,
        onDropped: () => metrics.dropped.inc({ reason: "late" }),
      });
      consumers.add(consumer);
      const model = consuming.current();
      if (model !== undefined) await consumer.open(model);
      return {
        waiting: consumer.waiting,
        blocked: consumer.blocked,
        stop: consumer.stop,
        [Symbol.asyncDispose]: async () => {
          consumers.delete(consumer);
          await consumer[Symbol.asyncDispose]();
        },
      };
    },

    [Symbol.asyncDispose]: async () => {
      await Promise.all([...consumers].map((consumer) => consumer[Symbol.asyncDispose]()));
      consumers.clear();
      await stack.disposeAsync();
    },
  };
};
