import type { Log } from "#process";
import type { Registry } from "prom-client";
import type { Signals } from "../port.ts";
import { exportJobs } from "./job-metrics.ts";
import { openSignals } from "../signals.ts";

export interface FleetSignals extends Signals, AsyncDisposable {
  /** Listens to a cluster from now on. */
  follow(key: string): void;
  /** Stops listening to it. */
  forget(key: string): void;
}

/** One stream per cluster, by the same client as on a laptop. */
export const openFleetSignals = (options: {
  controls: (key: string) => readonly string[];
  token: (key: string) => Promise<string>;
  /** As a cluster's own stream calls it. */
  onNews: (key: string) => void;
  log: Log;
  registry: Registry;
}): FleetSignals => {
  const { log, registry } = options;
  const streams = new Map<string, Signals & AsyncDisposable>();
  const closing = new Set<Promise<void>>();
  exportJobs(registry, () =>
    [...streams].flatMap(([key, stream]) => (stream.latest(key)?.snapshot.pools ?? []).map((it) => ({ key, ...it }))),
  );
  return {
    latest: (key) => streams.get(key)?.latest(key),
    announce: (key, events) => streams.get(key)?.announce(key, events),
    shed: (key, orders) => streams.get(key)?.shed(key, orders),
    follow: (key) => {
      if (streams.has(key)) return;
      const stream = openSignals({
        cluster: key,
        controls: () => options.controls(key),
        token: () => options.token(key),
        onNews: () => options.onNews(key),
        log,
        registry,
      });
      streams.set(key, stream);
    },
    forget: (key) => {
      const stream = streams.get(key);
      if (stream === undefined) return;
      streams.delete(key);
      const closed = Promise.resolve(stream[Symbol.asyncDispose]()).finally(() => closing.delete(closed));
      closing.add(closed);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...closing, ...[...streams.values()].map((it) => it[Symbol.asyncDispose]())]);
    },
  };
};
