import { expect, test } from "@jest/globals";
import { quantityOf, sameQuantity } from "./quantity.ts";

test.each([
  ["1", 1],
  ["250m", 0.25],
  [0.5, 0.5],
  ["1Ki", 1024],
  ["1k", 1000],
  ["1.5Gi", 1.5 * 2 ** 30],
  ["1e3", 1000],
  ["2E", 2e18],
  ["-1", -1],
  ["", undefined],
  ["web", undefined],
  ["1 Gi", undefined],
])("%s is %s", (text, value) => {
  expect(quantityOf(text)).toBe(value);
});

test.each([
  ["700m", "0.7", true],
  ["1Gi", "1024Mi", true],
  ["1G", "1Gi", false],
  ["web", "web", false],
])("%s and %s are the same: %s", (a, b, same) => {
  expect(sameQuantity(a, b)).toBe(same);
});
