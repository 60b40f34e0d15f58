import type { WatchEvent } from "./client.ts";
import { keyOf, type KubeObject } from "./object.ts";
import { isOlder } from "./resource-version.ts";

/** Before and after, as the API server had them: created has no before, deleted no after. */
export type OnChange = (before: KubeObject | undefined, after: KubeObject | undefined) => void;

/** Values under which an object is found by `by(index, value)`. */
export type Indexes = Record<string, (object: KubeObject) => readonly string[]>;

export interface Cache {
  get(key: string): KubeObject | undefined;
  list(namespace?: string): KubeObject[];
  by(index: string, value: string): KubeObject[];
  /** What a watch told. An event older than what is known already is left out. */
  take(event: Exclude<WatchEvent, { type: "BOOKMARK" }>): void;
  /** Makes the namespace (undefined: all) be what a list said, but for the keys in `except`; how many objects differed. */
  replace(namespace: string | undefined, objects: readonly KubeObject[], except?: ReadonlySet<string>): number;
}

export const cacheKey = ({ metadata }: KubeObject): string => keyOf(metadata);

/**
 * Objects by key. Every difference becomes one `onChange`; an object that was deleted and made again (another uid) becomes two, its end
 * and its beginning. `onChange` must not throw.
 */
export const createCache = (onChange: OnChange, indexes: Indexes = {}): Cache => {
  const objects = new Map<string, KubeObject>();
  const found = new Map(Object.keys(indexes).map((index) => [index, new Map<string, Set<string>>()]));

  const index = (object: KubeObject, act: (keys: Set<string>, key: string) => void): void => {
    for (const [name, values] of Object.entries(indexes)) {
      const byValue = found.get(name) ?? new Map<string, Set<string>>();
      for (const value of values(object)) {
        const keys = byValue.get(value) ?? new Set();
        act(keys, cacheKey(object));
        if (keys.size === 0) byValue.delete(value);
        else byValue.set(value, keys);
      }
    }
  };
  const remove = (before: KubeObject): void => {
    index(before, (keys, key) => keys.delete(key));
    objects.delete(cacheKey(before));
    onChange(before, undefined);
  };
  const put = (after: KubeObject): boolean => {
    const key = cacheKey(after);
    const before = objects.get(key);
    if (
      before?.metadata.uid === after.metadata.uid &&
      before?.metadata.resourceVersion === after.metadata.resourceVersion
    )
      return false;
    const same = before !== undefined && before.metadata.uid === after.metadata.uid;
    if (before !== undefined && !same) remove(before);
    if (same) index(before, (keys, key) => keys.delete(key));
    objects.set(key, after);
    index(after, (keys, key) => keys.add(key));
    onChange(same ? before : undefined, after);
    return true;
  };
  const list = (namespace?: string): KubeObject[] =>
    namespace === undefined
      ? [...objects.values()]
      : [...objects.values()].filter(({ metadata }) => metadata.namespace === namespace);

  return {
    get: (key) => objects.get(key),
    list,
    by: (index, value) => [...(found.get(index)?.get(value) ?? [])].flatMap((key) => objects.get(key) ?? []),
    take: ({ type, object }) => {
      const before = objects.get(cacheKey(object));
      const same = before?.metadata.uid === object.metadata.uid;
      if (same && isOlder(object.metadata.resourceVersion, before?.metadata.resourceVersion)) return;
      if (type !== "DELETED") put(object);
      else if (before !== undefined && same) remove(before);
    },
    replace: (namespace, listed, except = new Set()) => {
      const keys = new Set(listed.map(cacheKey));
      const gone = list(namespace).filter((object) => !keys.has(cacheKey(object)) && !except.has(cacheKey(object)));
      for (const object of gone) remove(object);
      const changed = listed.filter((object) => !except.has(cacheKey(object)) && put(object));
      return gone.length + changed.length;
    },
  };
};
