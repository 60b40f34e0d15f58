import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { Verdict } from "./decide.ts";

/** What a worker counts. */
export interface WorkerMetrics {
  /** A run that has ended, after `seconds`. */
  ended(label: Verdict["label"], seconds: number): void;
  started(): void;
}

/** Registers `realtime_worker_jobs_total{pool,outcome}`, `realtime_worker_job_seconds{pool}` and `realtime_worker_in_hand{pool}`. */
export const createMetrics = (pool: string, registry: Registry): WorkerMetrics => {
  const registers = [registry];
  const jobs = new Counter({
    name: "realtime_worker_jobs_total",
    help: "Runs of jobs that have ended, by outcome",
    labelNames: ["pool", "outcome"],
    registers,
  });
  const duration = new Histogram({
    name: "realtime_worker_job_seconds",
    help: "How long a run of a job takes",
    labelNames: ["pool"],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300],
    registers,
  }).labels(pool);
  const inHand = new Gauge({
    name: "realtime_worker_in_hand",
    help: "Jobs that this worker runs now",
    labelNames: ["pool"],
    registers,
  }).labels(pool);
  inHand.set(0);
  const byLabel = new Map<Verdict["label"], Counter.Internal>();
  const counterOf = (outcome: Verdict["label"]) => {
    const known = byLabel.get(outcome);
    if (known !== undefined) return known;
    const counter = jobs.labels(pool, outcome);
    byLabel.set(outcome, counter);
    return counter;
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
