import { busDelivery } from "../bus-delivery.ts";
import type { DeliveryOptions } from "../index.ts";
import type { LogOptions } from "../log/open.ts";
import type { OpenLog } from "../log/port.ts";
import type { Bus, Delivery } from "../port.ts";
import { logDelivery } from "./log-delivery.ts";

/** The delivery plane over a driver's Bus, and its Log where recovery is on. */
export const deliveryOver = async (
  bus: Bus,
  options: DeliveryOptions,
  openLog: (options: LogOptions) => Promise<OpenLog>,
): Promise<Delivery> => {
  const { recovery: limits } = options;
  if (limits === undefined) return busDelivery(bus, options);
  return logDelivery(bus, { ...options, limits, openedLog: await openLog({ ...options, limits }) });
};
