import { quantityOf } from "../runtime/quantity.ts";

/** A Kubernetes quantity as a number of bytes; NaN where it is none. */
export const bytesOf = (quantity: string): number => quantityOf(quantity) ?? Number.NaN;

/** The larger of two quantities, as it was written; `a` where both are the same. */
export const larger = (a: string, b: string): string => (bytesOf(b) > bytesOf(a) ? b : a);
