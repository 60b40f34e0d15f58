import { expect, test } from "@jest/globals";
import { decodeJob, decodeReply, encodeJob, encodeReply, type Job } from "#crds";

const job: Job = { v: 1, id: "a", event: "e", payload: null, mode: "job", at: 1 };

test.each<[string, unknown]>([
  ["nothing", null],
  ["text", "häßlich \u0000"],
  ["nested values", { a: [1, { b: false }] }],
  ["binary", { file: Buffer.from([0, 1, 255]), list: [Buffer.from("x")] }],
  ["text that looks like packed binary", { $binary: "aGk=" }],
  ["such text beside binary", [Buffer.from("x"), { $binary: "aGk=" }, { $$binary: "aGk=" }, { a: { $binary: 1 } }]],
  ["binary below a key that looks like it", { $binary: Buffer.from("x") }],
  ["that key among others", { file: Buffer.from("x"), more: { $binary: "aGk=", b: 1 } }],
])("%s survives the wire, as a job's payload and as a result", (_given, payload) => {
  expect(decodeJob(encodeJob({ ...job, payload })).payload).toEqual(payload);
  expect(decodeReply(encodeReply({ v: 1, id: "a", result: payload })).result).toEqual(payload);
});

test("binary of any kind arrives as a Buffer, and what has a JSON form in it", () => {
  const { buffer } = new Uint8Array([0, 1, 2, 3]);
  const payload = [buffer, new Uint16Array(buffer, 2, 1), new DataView(buffer, 1, 1), new Date(0)];
  const arrived = [[0, 1, 2, 3], [2, 3], [1]].map((bytes) => Buffer.from(bytes));
  expect(decodeJob(encodeJob({ ...job, payload })).payload).toEqual([...arrived, "1970-01-01T00:00:00.000Z"]);
});

test.each(["", "{", "null", '{"v":1}', '{"v":2,"id":"a","event":"e","mode":"job","at":1}'])(
  "foreign bytes %s are no job",
  (text) => {
    expect(() => decodeJob(Buffer.from(text))).toThrow();
  },
);
