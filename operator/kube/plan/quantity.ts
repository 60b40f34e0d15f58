const FACTORS: Record<string, number> = { "": 1, m: 1e-3 };
[..."kMGTPE"].forEach((letter, power) => {
  FACTORS[letter] = 1000 ** (power + 1);
  FACTORS[letter === "k" ? "Ki" : `${letter}i`] = 1024 ** (power + 1);
});

/** A Kubernetes quantity as a number of bytes; NaN where it is none. */
export const bytesOf = (quantity: string): number => {
  const [, number = "", suffix = ""] = /^([0-9.]+(?:[eE][0-9]+)?)([a-zA-Z]*)$/.exec(quantity) ?? [];
  return number === "" ? Number.NaN : Number(number) * (FACTORS[suffix] ?? Number.NaN);
};

/** The larger of two quantities, as it was written; `a` where both are the same. */
export const larger = (a: string, b: string): string => (bytesOf(b) > bytesOf(a) ? b : a);
