import type { Registry } from "prom-client";
import { counter, gauge, histogram } from "#process";

// Names, labels and buckets are those of controller-runtime (pkg/internal/metrics/workqueue.go and
// pkg/internal/controller/metrics/metrics.go), whose dashboards and alerts then work here.
const QUEUE_LABELS = ["name", "controller"] as const;
const QUEUE_BUCKETS = Array.from({ length: 12 }, (_, power) => 10 ** (power - 8));
const PASS_BUCKETS =
  "0.005 0.01 0.025 0.05 0.1 0.15 0.2 0.25 0.3 0.35 0.4 0.45 0.5 0.6 0.7 0.8 0.9 1 1.25 1.5 1.75 2 2.5 3 3.5 4 4.5 5 6 7 8 9 10 15 20 25 30 40 50 60"
    .split(" ")
    .map(Number);

/** The seven metrics of the work queue `name`; seconds. */
export const queueMetrics = (registry: Registry, name: string) => {
  const labels = { name, controller: name };
  const gaugeOf = (metric: string, help: string) =>
    gauge(registry, { name: metric, help, labelNames: QUEUE_LABELS }).labels(labels);
  const counterOf = (metric: string, help: string) =>
    counter(registry, { name: metric, help, labelNames: QUEUE_LABELS }).labels(labels);
  const histogramOf = (metric: string, help: string) =>
    histogram(registry, { name: metric, help, labelNames: QUEUE_LABELS, buckets: QUEUE_BUCKETS }).labels(labels);
  return {
    depth: gaugeOf("workqueue_depth", "Keys that are due and wait for a worker"),
    adds: counterOf("workqueue_adds_total", "Keys that became due"),
    queued: histogramOf("workqueue_queue_duration_seconds", "How long a key that is due waits for a worker"),
    work: histogramOf("workqueue_work_duration_seconds", "How long a key is in work"),
    unfinished: gaugeOf("workqueue_unfinished_work_seconds", "How long the keys in work have been so, summed up"),
    longest: gaugeOf("workqueue_longest_running_processor_seconds", "How long the oldest key in work has been so"),
    retries: counterOf("workqueue_retries_total", "Keys that were added for later: retries, and looks asked for"),
  };
};

const RESULTS = ["success", "error", "requeue", "requeue_after"] as const;

/** How a pass ended, in controller-runtime's words. */
export type PassResult = (typeof RESULTS)[number];

/** The metrics of the controller `name`, each at its start value; seconds. */
export const controllerMetrics = (registry: Registry, name: string) => {
  const labels = { controller: name };
  const labelNames = ["controller"] as const;
  const total = counter(registry, {
    name: "controller_runtime_reconcile_total",
    help: "Passes, by how they ended",
    labelNames: ["controller", "result"],
  });
  for (const result of RESULTS) total.inc({ ...labels, result }, 0);
  const one = { labelNames };
  const metrics = {
    ended: (result: PassResult) => total.inc({ ...labels, result }),
    errors: counter(registry, {
      ...one,
      name: "controller_runtime_reconcile_errors_total",
      help: "Passes that failed",
    }).labels(labels),
    seconds: histogram(registry, {
      ...one,
      name: "controller_runtime_reconcile_time_seconds",
      help: "How long a pass takes",
      buckets: PASS_BUCKETS,
    }).labels(labels),
    active: gauge(registry, {
      ...one,
      name: "controller_runtime_active_workers",
      help: "Passes under way",
    }).labels(labels),
    most: gauge(registry, {
      ...one,
      name: "controller_runtime_max_concurrent_reconciles",
      help: "Passes that may be under way at once",
    }).labels(labels),
  };
  metrics.errors.inc(0);
  metrics.active.set(0);
  return metrics;
};
