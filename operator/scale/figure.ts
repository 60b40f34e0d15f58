/** 12345.67 → 12,346; 2.34 → 2.3: a number in a sentence. */
export const figure = (value: number): string =>
  (value < 10 ? Math.round(value * 10) / 10 : Math.round(value)).toLocaleString("en-US");
