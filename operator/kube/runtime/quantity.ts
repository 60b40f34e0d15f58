const SUFFIX: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** A Kubernetes quantity as a number ("250m" → 0.25, "1Ki" → 1024); undefined for what is none. */
export const quantityOf = (value: unknown): number | undefined => {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([numkMGTPE]|[KMGTPE]i)?$/.exec(String(value));
  const scale = SUFFIX[match?.[2] ?? ""];
  return match === null || scale === undefined ? undefined : Number(match[1]) * scale;
};

/** "1000m" and 1 are, up to a float's rounding. */
export const sameQuantity = (a: unknown, b: unknown): boolean => {
  const [x, y] = [quantityOf(a), quantityOf(b)];
  return x !== undefined && y !== undefined && Math.abs(x - y) <= 1e-12 * Math.max(Math.abs(x), Math.abs(y));
};
