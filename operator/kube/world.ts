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
/** How often kinds that are not served are looked for. */
const KINDS_EVERY_MS = 30_000;

const kindText = ({ apiVersion, kind }: Kind): string => `${apiVersion} ${kind}`;

/** Follows every kind with one informer. Resolves once each was listed. */
export const openWorld = async ({
  client,
  namespaces,
  kindsEveryMs = KINDS_EVERY_MS,
  log,
  registry,
}: {
  client: Watcher & Discovery;
  namespaces: readonly string[];
  kindsEveryMs?: number;
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
    const informer = startInformer({ client, kind, namespaces, log, registry, ...options });
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

  const resources = follow(RESOURCE, {
    onChange: (before, after) => tell(({ resource }) => resource(before, after)),
  });
  const always = CHILD_KINDS.filter(({ isOptional }) => isOptional !== true);
  await Promise.all([resources.synced, ...always.map(followChild), findKinds()]);

  const looking = setInterval(() => {
    findKinds()
      .then((isNew) => isNew && tell(({ kinds }) => kinds()))
      .catch((error: unknown) => log.warn({ err: error }, "the kinds that are served could not be read"));
  }, kindsEveryMs);
  stack.defer(() => clearInterval(looking));
  const opened = stack.move();
  return {
    childrenOf: (key) => [...informers.values()].flatMap((informer) => informer.by(LABEL.cluster, key)),
    resource: (key) => resources.get(key),
    resources: () => resources.list(),
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
