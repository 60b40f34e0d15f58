import { counter, gauge } from "#process";
import type { Counter, Gauge, Registry } from "prom-client";

export interface Metrics {
  refused: Counter<"reason">;
  dropped: Counter<"reason">;
  reconnects: Counter<"connection">;
  unconfirmed: Gauge;
}

/** What the driver counts: refusals, outcomes that were dropped, lost connections, and what waits for the server's confirmation. */
export const createMetrics = (registry: Registry): Metrics => ({
  refused: counter(registry, {
    name: "realtime_rabbitmq_refused_total",
    help: "Jobs that were not taken.",
    labelNames: ["reason"],
  }),
  dropped: counter(registry, {
    name: "realtime_rabbitmq_dropped_total",
    help: "Outcomes of runs that could not be settled: the job was given to another worker.",
    labelNames: ["reason"],
  }),
  reconnects: counter(registry, {
    name: "realtime_rabbitmq_connection_lost_total",
    help: "Connections lost or not made.",
    labelNames: ["connection"],
  }),
  unconfirmed: gauge(registry, {
    name: "realtime_rabbitmq_unconfirmed",
    help: "Messages published and not confirmed yet.",
  }),
});
