import { expect, test } from "@jest/globals";
import { bestMatch, channelOfRoom, channelRoom, decodeJob, encodeJob, type Job, userRoom } from "#crds";

test.each([
  ["a literal before a prefix", ["chat:*", "chat:message"], "chat:message", "chat:message"],
  ["the longest prefix", ["*", "chat:*", "chat:slow:*"], "chat:slow:1", "chat:slow:*"],
  ["nothing where none matches", ["chat:*"], "order:new", undefined],
  ["a prefix matches itself", ["chat:*"], "chat:", "chat:*"],
  ["no inherited names", ["chat"], "__proto__", undefined],
])("bestMatch: %s", (_given, patterns, name, expected) => {
  expect(bestMatch(patterns, name)).toBe(expected);
});

test("a channel cannot name a user's room or a socket's", () => {
  expect(channelRoom("u:alice")).not.toBe(userRoom("alice"));
  expect(channelOfRoom(channelRoom("a.b*c#d"))).toBe("a.b*c#d");
  expect(channelOfRoom(userRoom("alice"))).toBeUndefined();
});

const job: Job = { v: 1, id: "a", event: "e", payload: null, mode: "job", at: 1 };

test.each<[string, unknown]>([
  ["nothing", null],
  ["text", "häßlich \u0000"],
  ["nested values", { a: [1, { b: false }] }],
  ["binary", { file: Buffer.from([0, 1, 255]), list: [Buffer.from("x")] }],
])("a job with %s as payload survives the wire", (_given, payload) => {
  expect(decodeJob(encodeJob({ ...job, payload })).payload).toEqual(payload);
});

test("what looks like packed binary but is the client's own text stays as it is", () => {
  expect(decodeJob(encodeJob({ ...job, payload: { $binary: "aGk=" } })).payload).toEqual({ $binary: "aGk=" });
});

test.each(["", "{", "null", '{"v":1}', '{"v":2,"id":"a","event":"e","mode":"job","at":1}'])(
  "foreign bytes %s are no job",
  (text) => {
    expect(() => decodeJob(Buffer.from(text))).toThrow();
  },
);
