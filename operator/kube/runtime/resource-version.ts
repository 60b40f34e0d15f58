/**
 * Whether `a` is an older state of an object than `b`. Resource versions are ordered numbers, as client-go takes them since Kubernetes
 * 1.35 (KEP-5504); of what is no number nothing is said: false.
 */
export const isOlder = (a: string | undefined, b: string | undefined): boolean =>
  a !== undefined && b !== undefined && /^\d+$/.test(a) && /^\d+$/.test(b) && BigInt(a) < BigInt(b);
