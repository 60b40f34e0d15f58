import { setTimeout as sleep } from "node:timers/promises";
import type { Namespace, Server } from "socket.io";
import { connectRedis, redisServer } from "#redis";
import { awaitSubscription } from "../await-subscription.ts";
import { EXPECT_MS, joinGateways, LINGER_MS } from "../bus-delivery.ts";
import { answerTopic } from "../cluster-message.ts";
import { createEmitter } from "../emitter.ts";
import type { DeliveryOptions } from "../index.ts";
import { keepWhileJoined } from "../keep-while-joined.ts";
import { busMetrics } from "../metrics.ts";
import type { Delivery, JobGate } from "../port.ts";
import { createQuestions } from "../questions.ts";
import { deliveryOver } from "../recovery/delivery-over.ts";
import { createAsking } from "./asking.ts";
import { busChannel, redisBus } from "./bus.ts";
import { createOnce } from "./copies.ts";
import { GatewayAdapter, type RedisGateway } from "./gateway-adapter.ts";
import { openRedisLog } from "./open-log.ts";
import { createPublisher } from "./publisher.ts";
import { createSubscriptions } from "./subscriptions.ts";
import { createEmissions, redisAddressing, redisEmitterWire, redisListener } from "./wire.ts";

const MAIN = "/";
/** Within it all who were connected before are connected again. */
const SETTLING_MS = 5000;

/** The delivery plane on Redis: two connections, one to publish and one to hear. Rejects where it cannot connect within 10 s. */
export const openRedisDelivery = async (options: DeliveryOptions): Promise<Delivery> => {
  const { cluster, node, settings, log, registry, timing = {}, lingerMs = LINGER_MS } = options;
  const server = redisServer(await settings());
  const prefix = options.prefix ?? server.prefix ?? "socket.io";
  const metrics = busMetrics(registry);
  await using opening = new AsyncDisposableStack();
  const connection = async (what: string) =>
    opening.use(await connectRedis({ settings, name: `${node}-${what}`, log }));
  const [pub, sub] = await Promise.all([connection("pub"), connection("sub")]);
  const subscriptions = opening.use(createSubscriptions(sub, { metrics, log }));
  const publisher = createPublisher(pub, { metrics, isCluster: server.kind === "cluster" });
  const connected = () => pub.isReady() && sub.isReady();
  const bus = redisBus(cluster, publisher, subscriptions, connected);
  if (options.recovery !== undefined) {
    const delivery = opening.use(await deliveryOver(bus, options, openRedisLog));
    const open = opening.move();
    return { ...delivery, [Symbol.asyncDispose]: () => open.disposeAsync() };
  }
  const addressing = redisAddressing(prefix);
  const emissions = createEmissions(prefix, publisher, addressing);
  const wire = redisEmitterWire(prefix, { publisher, emissions, addressing });

  const pending = new Set<Promise<void>>();
  const serving = new Set<GatewayAdapter>();
  const questions = createQuestions();
  let beats: Awaited<ReturnType<typeof joinGateways>> | undefined;
  let disposed = false;
  opening.defer(async () => {
    disposed = true;
    await beats?.[Symbol.asyncDispose]();
  });
  const track = (work: Promise<void>): Promise<void> => {
    pending.add(work);
    work.then(
      () => pending.delete(work),
      (error: unknown) => {
        pending.delete(work);
        if (!disposed) log.warn({ err: error }, "a namespace is not connected with the other gateways");
      },
    );
    return work;
  };
  const others = (nsp: string): string[] =>
    (beats?.others() ?? []).flatMap(([other, served]) => (served.namespaces.includes(nsp) ? [other] : []));
  const serve = async (adapter: GatewayAdapter): Promise<void> => {
    const close = adapter.close.bind(adapter);
    let closed = false;
    adapter.close = () => {
      closed = true;
      close();
      if (serving.delete(adapter)) beats?.announce();
    };
    await adapter.ready().catch((error: unknown) => {
      if (!closed) throw error;
    });
    if (closed) return;
    serving.add(adapter);
    beats?.announce();
  };
  let upAt = -Infinity;
  sub.onUp(() => (upAt = performance.now()));
  const attach = (io: Server, gate?: JobGate) => {
    const asking = createAsking({
      prefix,
      node,
      publisher,
      questions,
      others,
      ownChannel: (other) => busChannel(cluster, answerTopic(other)),
      isSettling: () => performance.now() - upAt < SETTLING_MS,
    });
    const once: RedisGateway["once"] = createOnce();
    const gateway = {
      prefix,
      publisher,
      subscriptions,
      addressing,
      emissions,
      once,
      asking,
      connected,
      lingerMs,
      gate,
    };
    io.adapter(function (nsp: Namespace) {
      const adapter = new GatewayAdapter(nsp, gateway);
      awaitSubscription(nsp, track(serve(adapter)));
      return adapter;
    });
    keepWhileJoined(io);
    const join = joinGateways(
      bus,
      { node, served: () => ({ namespaces: [...serving].map(({ nsp }) => String(nsp.name)) }), log, timing },
      { answered: () => {}, gone: (other, goodbye) => questions.gone(other, goodbye) },
    );
    const joined = join.then((all) => {
      if (disposed) return all[Symbol.asyncDispose]();
      beats = all;
      all.announce();
    });
    void track(joined);
  };
  const stack = opening.move();
  return {
    bus,
    listener: redisListener(prefix, subscriptions),
    emitter: (context) => createEmitter(wire, context),
    attach,
    expect: async (rooms) => {
      const main = [...serving].find(({ nsp }) => nsp.name === MAIN);
      if (main !== undefined) await Promise.race([main.expect(rooms), sleep(EXPECT_MS, undefined, { ref: false })]);
    },
    confirmed: async () => {},
    ready: async () => {
      await Promise.all(pending);
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};
