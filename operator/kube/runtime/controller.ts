import { Registry } from "prom-client";
import { controllerMetrics } from "./metrics.ts";
import { startWorkQueue, type PassOutcome, type WorkQueue, type WorkQueueOptions } from "./work-queue.ts";

export interface ControllerOptions extends WorkQueueOptions {
  /** In metrics and logs. */
  name: string;
  /** Looks at the world of one key and makes it right; safe to repeat. */
  pass: (key: string) => Promise<PassOutcome>;
  /** Asked before each pass; while it says no, a pass is refused and tried again later. Default: always. */
  mayAct?: () => boolean;
}

/** A work queue whose passes are counted and timed as controller-runtime's. */
export const startController = ({ pass, mayAct = () => true, ...options }: ControllerOptions): WorkQueue => {
  const { name, log, registry = new Registry(), concurrency = 4 } = options;
  const metrics = controllerMetrics(registry, name);
  metrics.most.set(concurrency);
  const counted = async (key: string): Promise<PassOutcome> => {
    if (!mayAct()) throw new Error("nothing was done: this process may not act now");
    const stop = metrics.seconds.startTimer();
    metrics.active.inc();
    try {
      const outcome = await pass(key);
      metrics.ended(outcome.requeueAfterMs === undefined ? "success" : "requeue_after");
      return outcome;
    } catch (error) {
      metrics.ended("error");
      metrics.errors.inc();
      throw error;
    } finally {
      metrics.active.dec();
      stop();
    }
  };
  return startWorkQueue(counted, { ...options, registry, concurrency, log: log.child({ controller: name }) });
};
