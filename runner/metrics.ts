import { counter, gauge, histogram } from "#process";
import type { Counter, Registry } from "prom-client";
import type { Verdict } from "./decide.ts";

/** What a worker counts. */
export interface WorkerMetrics {
  /** A run that has ended, after `seconds`. */
  ended(label: Verdict["label"], seconds: number): void;
  started(): void;
}

/** Registers `realtime_worker_jobs_total{pool,outcome}`, `realtime_worker_job_seconds{pool}` and `realtime_worker_in_hand{pool}`. */
export const createMetrics = (pool: string, registry: Registry): WorkerMetrics => {
  const jobs = counter(registry, {
    name: "realtime_worker_jobs_total",
    help: "Runs of jobs that have ended, by outcome",
    labelNames: ["pool", "outcome"],
  });
  const duration = histogram(registry, {
    name: "realtime_worker_job_seconds",
    help: "How long a run of a job takes",
    labelNames: ["pool"],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300],
  }).labels(pool);
  const inHand = gauge(registry, {
    name: "realtime_worker_in_hand",
    help: "Jobs that this worker runs now",
    labelNames: ["pool"],
  }).labels(pool);
  inHand.set(0);
  const byLabel = new Map<Verdict["label"], Counter.Internal>();
  const counterOf = (outcome: Verdict["label"]) => {
    const known = byLabel.get(outcome);
    if (known !== undefined) return known;
    const it = jobs.labels(pool, outcome);
    byLabel.set(outcome, it);
    return it;
  };
  return {
    started: () => inHand.inc(),
    ended: (label, seconds) => {
      inHand.dec();
      counterOf(label).inc();
      duration.observe(seconds);
    },
  };
};
