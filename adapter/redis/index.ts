import type { Namespace, Server } from "socket.io";
import type { DeliveryOptions } from "../index.ts";
import { awaitSubscription } from "../await-subscription.ts";
import { createEmitter } from "../emitter.ts";
import { keepWhileJoined } from "../keep-while-joined.ts";
import { busMetrics } from "../metrics.ts";
import type { Delivery, JobGate } from "../port.ts";
import { deliveryOver } from "../recovery/delivery-over.ts";
import { redisBus } from "./bus.ts";
import { connect, prefixOf } from "./connection.ts";
import { redisGatewayAdapter } from "./gateway-adapter.ts";
import { openRedisLog } from "./open-log.ts";
import { createPublisher } from "./publisher.ts";
import { createSubscriptions } from "./subscriptions.ts";
import { redisEmitterWire, redisListener } from "./wire.ts";

/** The delivery plane on Redis: two connections, one to publish and one to hear. Rejects where it cannot connect within 10 s. */
export const openRedisDelivery = async (options: DeliveryOptions): Promise<Delivery> => {
  const { cluster, node, settings, log, registry } = options;
  const prefix = options.prefix ?? prefixOf(await settings()) ?? "socket.io";
  const metrics = busMetrics(registry);
  await using opening = new AsyncDisposableStack();
  const [pub, sub] = await Promise.all(
    ["pub", "sub"].map(async (name) => opening.use(await connect(settings, { name: `${node}-${name}`, log }))),
  );
  if (pub === undefined || sub === undefined) throw new Error("unreachable");
  const subscriptions = opening.use(createSubscriptions(sub, { metrics, log }));
  const publisher = createPublisher(pub, metrics);
  const bus = redisBus(cluster, publisher, subscriptions, () => pub.isReady() && sub.isReady());
  if (options.recovery !== undefined) {
    const delivery = opening.use(await deliveryOver(bus, options, openRedisLog));
    const open = opening.move();
    return { ...delivery, [Symbol.asyncDispose]: () => open.disposeAsync() };
  }
  const wire = redisEmitterWire(prefix, publisher);
  const pending = new Set<Promise<void>>();
  const stack = opening.move();
  return {
    bus,
    listener: redisListener(prefix, subscriptions),
    emitter: (context) => createEmitter(wire, context),
    attach: (io: Server, gate?: JobGate) => {
      keepWhileJoined(io);
      io.adapter(function (nsp: Namespace) {
        const { adapter, ready } = redisGatewayAdapter(nsp, { prefix, publisher, subscriptions, gate });
        pending.add(ready);
        const settle = () => void pending.delete(ready);
        ready.then(settle, settle);
        awaitSubscription(nsp, ready);
        return adapter;
      });
    },
    expect: async () => {},
    confirmed: async () => {},
    ready: async () => {
      await Promise.all(pending);
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};
