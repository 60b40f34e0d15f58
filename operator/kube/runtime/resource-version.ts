/**
 * Whether `a` is an older state of an object than `b`. Resource versions are growing integers, which clients may compare since Kubernetes
 * 1.35 (KEP-5504) and the API server always made so; of what is no integer nothing is said: false.
 */
export const isOlder = (a: string | undefined, b: string | undefined): boolean =>
  a !== undefined && b !== undefined && /^\d+$/.test(a) && /^\d+$/.test(b) && BigInt(a) < BigInt(b);
