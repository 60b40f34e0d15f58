import type { DeliveryOptions } from "../index.ts";
import type { LogLimits } from "./port.ts";

/** What a driver opens its Log with. */
export interface LogOptions extends Pick<DeliveryOptions, "cluster" | "node" | "settings" | "log" | "registry"> {
  limits: LogLimits;
}
