import { expect, test } from "@jest/globals";
import { formatOffset, parseOffset } from "./offset.ts";

test.each([
  { epoch: "a-_9", index: 0 },
  { epoch: "0123456789abcdef", index: Number.MAX_SAFE_INTEGER },
])("a place is read as it was written: %p", (place) => {
  expect(parseOffset(formatOffset(place))).toEqual(place);
  expect(JSON.stringify(formatOffset(place))).toBe(`"${formatOffset(place)}"`);
});

test.each([
  undefined,
  null,
  7,
  "",
  "text",
  "a.b.c",
  "a.",
  ".1",
  "a.1z!",
  "a b.1",
  "x".repeat(17) + ".1",
  "a.zzzzzzzzzzz",
  {},
])("%p is no place", (offset) => {
  expect(parseOffset(offset)).toBeUndefined();
});
