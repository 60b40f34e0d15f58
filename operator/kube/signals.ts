import type { Snapshot } from "#crds";
import type { Log } from "#process";
import type { Registry } from "prom-client";
import type { Signals } from "../port.ts";
import { openSignals } from "../signals.ts";

export interface FleetSignals extends Signals, AsyncDisposable {
  /** Listens to a cluster from now on. */
  follow(key: string): void;
  /** Whether a cluster may only not have spoken yet. */
  isEarly(key: string): boolean;
  /** Stops listening to it. */
  forget(key: string): void;
}

/** How long a cluster may take to say its first word. */
const EARLY_MS = 10_000;

/** One stream per cluster, by the same client as on a laptop. */
export const openFleetSignals = (options: {
  controls: (key: string) => readonly string[];
  token: (key: string) => Promise<string>;
  onSnapshot: (key: string, snapshot: Snapshot) => void;
  log: Log;
  registry: Registry;
  now?: () => number;
}): FleetSignals => {
  const { log, registry, now = Date.now } = options;
  const streams = new Map<string, { signals: Signals & AsyncDisposable; since: number }>();
  const closing = new Set<Promise<void>>();
  return {
    latest: (key) => streams.get(key)?.signals.latest(key),
    announce: (key, events) => streams.get(key)?.signals.announce(key, events),
    isEarly: (key) => {
      const stream = streams.get(key);
      return stream !== undefined && stream.signals.latest(key) === undefined && now() - stream.since < EARLY_MS;
    },
    follow: (key) => {
      if (streams.has(key)) return;
      const signals = openSignals({
        cluster: key,
        controls: () => options.controls(key),
        token: () => options.token(key),
        onSnapshot: (snapshot) => options.onSnapshot(key, snapshot),
        log,
        registry,
      });
      streams.set(key, { signals, since: now() });
    },
    forget: (key) => {
      const stream = streams.get(key);
      if (stream === undefined) return;
      streams.delete(key);
      const closed = Promise.resolve(stream.signals[Symbol.asyncDispose]()).finally(() => closing.delete(closed));
      closing.add(closed);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...closing, ...[...streams.values()].map(({ signals }) => signals[Symbol.asyncDispose]())]);
    },
  };
};
