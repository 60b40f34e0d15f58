import type { Log as Logger } from "#process";
import type { LogMetrics } from "./metrics.ts";

/** Calls a follower; what it throws is counted and harms nobody. */
export const handOver = (call: () => void, metrics: LogMetrics, log: Logger): void => {
  try {
    call();
  } catch (error) {
    metrics.malformed();
    log.warn({ err: error }, "entries of the log could not be handled");
  }
};
