import { counter } from "#process";
import type { Registry } from "prom-client";

/** What the delivery plane counts: what it took in, and what it could not do. */
export interface BusMetrics {
  dropped(reason: "away" | "full" | "unconfirmed", count?: number): void;
  malformed(): void;
  interrupted(): void;
  received(): void;
}

/** The counters, registered once per registry. */
export const busMetrics = (registry: Registry): BusMetrics => {
  const dropped = counter(registry, {
    name: "realtime_bus_dropped_total",
    help: "Emissions and Bus messages that this process could not hand over: the server was away, the bounded buffer full, or the connection closed before the server confirmed.",
    labelNames: ["reason"] as const,
  });
  const malformed = counter(registry, {
    name: "realtime_bus_malformed_total",
    help: "Messages of others that could not be read, or whose handling threw.",
  });
  const interrupted = counter(registry, {
    name: "realtime_bus_interruptions_total",
    help: "Times the receiving connection was lost; what others sent meanwhile was missed.",
  });
  const received = counter(registry, {
    name: "realtime_bus_received_total",
    help: "Messages that this process took in from the Bus, its own too.",
  });
  return {
    dropped: (reason, count = 1) => dropped.inc({ reason }, count),
    malformed: () => malformed.inc(),
    interrupted: () => interrupted.inc(),
    received: () => received.inc(),
  };
};
