import { openLink } from "#link";
import type { DeliveryOptions } from "../index.ts";
import { busMetrics } from "../metrics.ts";
import type { Delivery } from "../port.ts";
import { deliveryOver } from "../recovery/delivery-over.ts";
import { linkBus } from "./link-bus.ts";
import { openHubLog } from "./open-log.ts";

/** The delivery plane on the hub: one line for all. Rejects where the hub does not answer within 10 s. */
export const openZeromqDelivery = async (options: DeliveryOptions): Promise<Delivery> => {
  const { node, settings, log, registry } = options;
  const metrics = busMetrics(registry);
  await using opening = new AsyncDisposableStack();
  const link = opening.use(
    await openLink({
      service: "bus",
      node,
      settings,
      log,
      onDropped: (count) => metrics.dropped(link === undefined || !link.connected() ? "away" : "full", count),
    }),
  );
  const bus = opening.use(linkBus(link, { metrics, log }));
  const delivery = opening.use(await deliveryOver(bus, options, openHubLog));
  const stack = opening.move();
  return { ...delivery, [Symbol.asyncDispose]: () => stack.disposeAsync() };
};
