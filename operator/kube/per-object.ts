import type { KubeObject } from "./runtime/object.ts";

/** `make`, once for each object: those of a cache never change, and are looked at again and again. */
export const perObject = <T>(make: (object: KubeObject) => T): ((object: KubeObject) => T) => {
  const made = new WeakMap<KubeObject, T>();
  return (object) => {
    const found = made.get(object) ?? make(object);
    made.set(object, found);
    return found;
  };
};
