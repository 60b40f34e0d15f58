import { setMaxListeners } from "node:events";
import type { Registry } from "prom-client";
import { counter, type Log } from "#process";
import { createCache, type Cache, type Indexes, type OnChange } from "./cache.ts";
import type { Watcher } from "./client.ts";
import type { Kind, KubeObject } from "./object.ts";
import { reflect, type Timing } from "./reflect.ts";

const TIMING: Timing = {
  relistEveryMs: 600_000,
  watchForMs: 300_000,
  silentAfterMs: 90_000,
  settleMs: 1_000,
  backoff: { minMs: 500, maxMs: 30_000 },
};

export interface InformerOptions extends Partial<Timing> {
  client: Watcher;
  kind: Kind;
  /** Empty: all namespaces, with one watch; else one watch each. */
  namespaces?: readonly string[];
  labelSelector?: string;
  /** What of an object is kept; `managedFields` are not. */
  strip?: (object: KubeObject) => KubeObject;
  indexes?: Indexes;
  /** Called once per change, in order, at the first list too. Should only note what to look at; a throw is logged. */
  onChange: OnChange;
  log: Log;
  registry: Registry;
  random?: () => number;
}

/** The objects of a kind as the API server has them, some moments ago. They are shared: nobody may change them. */
export interface Informer extends Pick<Cache, "get" | "list" | "by">, AsyncDisposable {
  /** Every namespace was listed once, or is left out because its list is refused (403, 404), until it is not. Pending for ever where that does not happen. */
  readonly synced: Promise<void>;
  /** Whether that namespace was listed once; without one: every one was. */
  hasSynced(namespace?: string): boolean;
}

const withoutManagedFields = ({ metadata, ...rest }: KubeObject): KubeObject => {
  const { managedFields: _, ...kept } = metadata;
  return { ...rest, metadata: kept };
};

/** Follows a kind from now on and through everything: an API server that is away, cut or silent streams, lost places, handlers that throw. */
export const startInformer = (options: InformerOptions): Informer => {
  const { client, kind, namespaces = [], labelSelector, strip = (object) => object, onChange, registry } = options;
  const log = options.log.child({ kind: kind.kind });
  const labels = { kind: kind.kind };
  const missed = counter(registry, {
    name: "informer_missed_changes_total",
    help: "Changes that only a list found, not the watch.",
    labelNames: ["kind"],
  });
  const interruptions = counter(registry, {
    name: "informer_watch_interruptions_total",
    help: "Watches and lists that failed and were begun again.",
    labelNames: ["kind"],
  });
  missed.inc(labels, 0);

  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal);
  const kept = (object: KubeObject) => strip(withoutManagedFields(object));
  const cache = createCache((before, after) => {
    if (stopping.signal.aborted) return;
    try {
      onChange(before, after);
    } catch (error) {
      log.error({ err: error }, "a change's handler failed");
    }
  }, options.indexes);

  const scopes = new Set<string | undefined>(namespaces.length === 0 ? [undefined] : namespaces);
  const unlisted = new Set(scopes);
  const awaited = new Set(scopes);
  const { promise: synced, resolve } = Promise.withResolvers<void>();
  const settle = (namespace: string | undefined) => {
    awaited.delete(namespace);
    if (awaited.size === 0) resolve();
  };
  const running = [...scopes].map((namespace) =>
    reflect({
      watcher: client,
      kind,
      namespace,
      labelSelector,
      cache: {
        take: (event) => cache.take({ ...event, object: kept(event.object) }),
        replace: (namespace, objects, except) => cache.replace(namespace, objects.map(kept), except),
      },
      timing: { ...TIMING, ...options },
      log: namespace === undefined ? log : log.child({ namespace }),
      random: options.random ?? Math.random,
      signal: stopping.signal,
      onList: () => {
        unlisted.delete(namespace);
        settle(namespace);
      },
      onLeftOut: () => settle(namespace),
      onMissed: (count) => missed.inc(labels, count),
      onFailure: () => interruptions.inc(labels),
    }),
  );

  return {
    synced,
    hasSynced: (namespace) => (namespace === undefined ? unlisted.size === 0 : !unlisted.has(namespace)),
    get: cache.get,
    list: cache.list,
    by: cache.by,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await Promise.all(running);
    },
  };
};
