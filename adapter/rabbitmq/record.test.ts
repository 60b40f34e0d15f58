import { expect, test } from "@jest/globals";
import { decodeRecord, encodeRecord, type StreamRecord } from "./record.ts";

const own = { sender: Buffer.from("12345678"), number: 2 ** 40 };
const records: StreamRecord[] = [
  { ...own, kind: "entry", epoch: "a-_9", bytes: Buffer.from([0, 255]) },
  { ...own, kind: "mark", epoch: "" },
  { ...own, kind: "epoch", epoch: "b", replaces: "" },
  { ...own, kind: "epoch", epoch: "b", replaces: "a-_9" },
];

test.each(records)("%j is read as it was written", (record) => {
  expect(decodeRecord(encodeRecord(record))).toEqual(record);
});

test("what is none of ours is not read", () => {
  const whole = encodeRecord({ ...own, kind: "entry", epoch: "a-_9", bytes: Buffer.from("x") });
  for (let length = 0; length < whole.length; length += 1)
    expect(decodeRecord(whole.subarray(0, length))).toBeUndefined();
  for (const [at, value] of [
    [0, 2],
    [1, 3],
    [17, 0x20],
  ] as const) {
    const spoilt = Buffer.from(whole);
    spoilt[at] = value;
    expect(decodeRecord(spoilt)).toBeUndefined();
  }
});
