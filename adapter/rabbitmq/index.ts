import type { DeliveryOptions } from "../index.ts";
import type { Delivery } from "../port.ts";
import { deliveryOver } from "../recovery/delivery-over.ts";
import { openRabbitmqBus } from "./bus.ts";
import { openRabbitmqLog } from "./log.ts";

/** Measured: bench/README.md. */
const LIMITS = { maxRooms: 10_000, maxPending: 2000 };

/** The delivery plane on RabbitMQ. Rejects where it cannot connect within 10 s. */
export const openRabbitmqDelivery = async (options: DeliveryOptions): Promise<Delivery> => {
  await using opening = new AsyncDisposableStack();
  const bus = opening.use(await openRabbitmqBus({ limits: LIMITS, ...options }));
  const delivery = opening.use(await deliveryOver(bus, options, openRabbitmqLog));
  const stack = opening.move();
  return { ...delivery, [Symbol.asyncDispose]: () => stack.disposeAsync() };
};
