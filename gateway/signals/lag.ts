import { monitorEventLoopDelay } from "node:perf_hooks";

export interface Lag extends Disposable {
  /** How late the event loop was in the last second, ms, but for the latest tenth of its turns; undefined: no second is over yet. */
  ms(): number | undefined;
}

const RESOLUTION_MS = 20;

/** Measures how late this process' event loop is. */
export const watchLag = (everyMs = 1000): Lag => {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  let last: number | undefined;
  const timer = setInterval(() => {
    // What it measures is from one of its ticks to the next.
    last = delays.count === 0 ? last : Math.max(0, Math.round(delays.percentile(90) / 1e6 - RESOLUTION_MS));
    delays.reset();
  }, everyMs).unref();
  return {
    ms: () => last,
    [Symbol.dispose]: () => {
      clearInterval(timer);
      delays.disable();
    },
  };
};
