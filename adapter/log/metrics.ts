import { counter } from "#process";
import type { Registry } from "prom-client";

/** What is counted of the Log. */
export interface LogMetrics {
  appended(): void;
  refused(reason: "refused" | "unconfirmed"): void;
  cut(): void;
  malformed(): void;
}

/** The counters, registered once per registry. */
export const logMetrics = (registry: Registry): LogMetrics => {
  const appended = counter(registry, {
    name: "realtime_log_appended_total",
    help: "Entries of this process that the log has taken.",
  });
  const dropped = counter(registry, {
    name: "realtime_log_dropped_total",
    help: "Entries that were refused since the log's server was away or too much waited, and those that it did not confirm.",
    labelNames: ["reason"] as const,
  });
  const cut = counter(registry, {
    name: "realtime_log_cuts_total",
    help: "Times that this process missed entries: it was away for longer than the log reaches, or the server had lost some.",
  });
  const malformed = counter(registry, {
    name: "realtime_log_malformed_total",
    help: "Entries of the log that could not be read or handled.",
  });
  return {
    appended: () => appended.inc(),
    refused: (reason) => dropped.inc({ reason }),
    cut: () => cut.inc(),
    malformed: () => malformed.inc(),
  };
};
