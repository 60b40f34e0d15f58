import { expect, test } from "@jest/globals";
import { Ring } from "./ring.ts";

const item = (index: number, size = 1) => ({ index, size });
const LIMITS = { maxMessages: 3, maxBytes: 100 };

test("keeps the newest within the number and the bytes, and says behind which index all is there", () => {
  const dropped: number[] = [];
  const ring = new Ring(0, ({ index }: { index: number; size: number }) => dropped.push(index));
  for (const index of [1, 2, 5, 6]) ring.push(item(index), LIMITS);
  expect([ring.floor, ring.last, ring.length, dropped]).toEqual([1, 6, 3, [1]]);
  ring.push(item(7, 99), LIMITS);
  expect([ring.floor, ring.length]).toEqual([5, 2]);
  ring.push(item(8, 500), LIMITS);
  expect([ring.floor, ring.length, [...ring.after(0)].map(({ index }) => index)]).toEqual([7, 1, [8]]);
});

test.each([
  [0, [2, 5, 6]],
  [2, [5, 6]],
  [3, [5, 6]],
  [6, []],
])("what stands behind %d is %j", (index, expected) => {
  const ring = new Ring();
  for (const it of [1, 2, 5, 6]) ring.push(item(it), LIMITS);
  expect([...ring.after(index)].map((it) => it.index)).toEqual(expected);
  expect(ring.next(index)?.index).toBe(expected[0]);
});

test("whoever reads while more is pushed and dropped gets what is there, each once", () => {
  const ring = new Ring();
  for (const it of [1, 2, 3]) ring.push(item(it), LIMITS);
  const read: number[] = [];
  for (const { index } of ring.after(0)) {
    read.push(index);
    if (index < 5000) ring.push(item(ring.last + 1), LIMITS);
  }
  expect(read).toEqual(Array.from({ length: read.length }, (_, at) => at + 1));
});

test("cleared, it begins anew", () => {
  const ring = new Ring();
  ring.push(item(1), LIMITS);
  ring.clear(40);
  expect([ring.floor, ring.last, ring.length]).toEqual([40, 40, 0]);
  ring.push(item(41), LIMITS);
  expect(ring.next(40)?.index).toBe(41);
});
