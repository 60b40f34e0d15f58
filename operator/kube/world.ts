import { addAbortListener } from "node:events";
import { API_VERSION, KIND } from "#crds";
import type { Log } from "#process";
import type { Registry } from "prom-client";
import { ASKED_KINDS, CHILD_KINDS, clusterKeysOf, withoutValues } from "./children.ts";
import { LABEL } from "./plan/labels.ts";
import {
  type Discovery,
  type Informer,
  type InformerOptions,
  type Kind,
  type KubeObject,
  type OnChange,
  type Ref,
  type Watcher,
  keyOf,
  startInformer,
} from "./runtime/index.ts";

/** Who is told of changes; in order, from the moment it asks. */
export interface WorldListener {
  resource: OnChange;
  child: OnChange;
  /** A kind is served now that was not. */
  kinds: () => void;
}

/** Everything of ours that the API server has, as far as it is known here. */
export interface World extends AsyncDisposable {
  /** The children of the cluster of that key. */
  childrenOf(key: string): readonly KubeObject[];
  resource(key: string): KubeObject | undefined;
  resources(): readonly KubeObject[];
  live(ref: Ref): KubeObject | undefined;
  isServed(apiVersionAndKind: string): boolean;
  onChange(listener: WorldListener): Disposable;
}

const RESOURCE: Kind = { apiVersion: API_VERSION, kind: KIND };
/** How often kinds that are not served, and namespaces that could not be read, are looked for. */
const LOOK_EVERY_MS = 30_000;

const kindText = ({ apiVersion, kind }: Kind): string => `${apiVersion} ${kind}`;

/** Rejects when `signal` aborts, else waits for `promise`. */
const unlessAborted = async <T>(signal: AbortSignal, promise: Promise<T>): Promise<T> => {
  const aborted = Promise.withResolvers<never>();
  using _ = addAbortListener(signal, () => aborted.reject(signal.reason));
  return await Promise.race([promise, aborted.promise]);
};

/**
 * Follows every kind with one informer. Resolves once each was listed, but for `namespaces` in which a list is refused: these are left out,
 * whatever else is known of them, until all can be read, since who does not see a cluster's children takes it for new.
 */
export const openWorld = async ({
  client,
  namespaces,
  lookEveryMs = LOOK_EVERY_MS,
  timing,
  signal,
  log,
  registry,
}: {
  client: Watcher & Discovery;
  namespaces: readonly string[];
  lookEveryMs?: number;
  timing?: Pick<InformerOptions, "backoff">;
  /** Ends the wait for the lists. */
  signal: AbortSignal;
  log: Log;
  registry: Registry;
}): Promise<World> => {
  await using stack = new AsyncDisposableStack();
  /** Of informers: kinds are followed later, too. */
  const following = stack.use(new AsyncDisposableStack());
  const informers = new Map<string, Informer>();
  const told = new Set<WorldListener>();
  const tell = (what: (listener: WorldListener) => void) => told.forEach(what);

  const follow = (
    kind: Kind,
    options: Pick<InformerOptions, "labelSelector" | "strip" | "indexes" | "onChange">,
  ): Informer => {
    const informer = startInformer({ client, kind, namespaces, log, registry, ...timing, ...options });
    informers.set(kindText(kind), informer);
    return following.use(informer);
  };
  const followChild = (kind: Kind) =>
    follow(kind, {
      labelSelector: LABEL.cluster,
      strip: withoutValues,
      indexes: { [LABEL.cluster]: clusterKeysOf },
      onChange: (before, after) => tell(({ child }) => child(before, after)),
    }).synced;
  const asked = new Map<string, boolean>();
  const findKinds = async (): Promise<boolean> => {
    for (const kind of ASKED_KINDS) asked.set(kindText(kind), await client.hasKind(kind));
    const missing = CHILD_KINDS.filter((kind) => kind.isOptional === true && !informers.has(kindText(kind)));
    const isServed = await Promise.all(missing.map((kind) => client.hasKind(kind)));
    const found = missing.filter((_, index) => isServed[index]);
    await Promise.all(found.map(followChild));
    return found.length > 0;
  };

  const unread = new Set(namespaces);
  const isRead = (it: KubeObject | undefined) => !unread.has(it?.metadata.namespace ?? "");
  const resources = follow(RESOURCE, {
    onChange: (before, after) => isRead(before ?? after) && tell(({ resource }) => resource(before, after)),
  });
  const findNamespaces = () => {
    for (const namespace of unread) {
      if (![...informers.values()].every((informer) => informer.hasSynced(namespace))) continue;
      unread.delete(namespace);
      for (const it of resources.list(namespace)) tell(({ resource }) => resource(undefined, it));
    }
  };
  const always = CHILD_KINDS.filter(({ isOptional }) => isOptional !== true);
  await unlessAborted(signal, Promise.all([resources.synced, ...always.map(followChild), findKinds()]));
  findNamespaces();
  if (unread.size > 0)
    log.warn({ namespaces: [...unread] }, "namespaces are left out until all that is watched in them can be listed");

  const looking = setInterval(() => {
    findNamespaces();
    findKinds()
      .then((isNew) => isNew && tell(({ kinds }) => kinds()))
      .catch((error: unknown) => log.warn({ err: error }, "the kinds that are served could not be read"));
  }, lookEveryMs);
  stack.defer(() => clearInterval(looking));
  const opened = stack.move();
  return {
    childrenOf: (key) => [...informers.values()].flatMap((informer) => informer.by(LABEL.cluster, key)),
    resource: (key) => {
      const it = resources.get(key);
      return isRead(it) ? it : undefined;
    },
    resources: () => resources.list().filter(isRead),
    live: ({ apiVersion, kind, namespace, name }) =>
      informers.get(kindText({ apiVersion, kind }))?.get(keyOf({ namespace, name })),
    isServed: (kind) => informers.has(kind) || asked.get(kind) === true,
    onChange: (listener) => {
      told.add(listener);
      return { [Symbol.dispose]: () => void told.delete(listener) };
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
};
