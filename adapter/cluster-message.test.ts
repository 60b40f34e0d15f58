import { describe, expect, test } from "@jest/globals";
import {
  decodeAnswer,
  decodeMessage,
  encodeAnswer,
  encodeMessage,
  isFrom,
  namespaceTopic,
  roomTopic,
  type Answer,
  type ClusterMessage,
} from "./cluster-message.ts";
import { decodeFrames, encodeEvent, encodeValues } from "./frames.ts";

const me = Buffer.from("12345678");
const to = { rooms: new Set(["c:lobby"]), except: new Set(["x"]), flags: { volatile: true } };
const asker = { node: "gateway-1", request: 7 };

describe("messages between gateways", () => {
  test.each<ClusterMessage>([
    { kind: "broadcast", to, frames: encodeEvent("/", ["a", { b: Buffer.from([1, 2]) }]), asker: undefined },
    { kind: "broadcast", to, frames: encodeEvent("/", ["a"]), asker },
    { kind: "join", to, rooms: ["r"] },
    { kind: "leave", to, rooms: ["r", "s"] },
    { kind: "disconnect", to, close: true },
    { kind: "fetch", to, asker },
    { kind: "server-side-emit", frames: encodeValues(["a", 1]), asker: undefined },
  ])("$kind is read as it was written, and its sender known", (message) => {
    const bytes = encodeMessage(me, message);
    expect(decodeMessage(bytes, "/")).toEqual(message);
    expect(isFrom(me, bytes)).toBe(true);
    expect(isFrom(Buffer.from("12345679"), bytes)).toBe(false);
  });
  test("JSON of a publisher without our encoding is an emission", () => {
    const said = { v: 1, rooms: ["c:lobby"], except: ["x"], event: "news", args: [{ a: "ü" }], job: "anna/1", more: 1 };
    expect(decodeMessage(Buffer.from(JSON.stringify(said)), "/x")).toEqual({
      kind: "broadcast",
      to: { rooms: new Set(["c:lobby"]), except: new Set(["x"]), flags: { job: "anna/1" } },
      frames: encodeEvent("/x", ["news", { a: "ü" }]),
    });
    expect(decodeMessage(Buffer.from('{"v":1,"event":"all"}'), "/")).toMatchObject({ to: { rooms: new Set() } });
  });
  test.each([
    ["of a newer version", { v: 2, event: "a" }, "only v 1"],
    ["without an event", { v: 1 }, "event"],
    ["with socket.io's own event", { v: 1, event: "connect" }, "own"],
    ["whose rooms are none", { v: 1, event: "a", rooms: "c:lobby" }, "rooms"],
    ["whose arguments are none", { v: 1, event: "a", args: {} }, "args"],
  ])("JSON %s is refused, with the reason", (_what, said, reason) => {
    expect(() => decodeMessage(Buffer.from(JSON.stringify(said)), "/")).toThrow(reason);
  });
  test("topics of namespaces and rooms do not meet, whatever their names", () => {
    const topics = [
      namespaceTopic("/a"),
      namespaceTopic("/a#b"),
      namespaceTopic("/a%23b"),
      roomTopic("/a", "b"),
      roomTopic("/a", "b#c"),
      roomTopic("/a#b", "c"),
      roomTopic("/", "/a#b"),
    ];
    expect(new Set(topics).size).toBe(topics.length);
  });
  test("an answer too", () => {
    const answer: Answer = { request: 7, from: "gateway-1", kind: "asked", count: 3, frames: encodeValues([1]) };
    expect(decodeAnswer(encodeAnswer(answer))).toEqual(answer);
  });
  test.each(["", "{}", "\x91\xc4", "\x98"])("foreign bytes %j throw", (text) => {
    expect(() => decodeMessage(Buffer.from(text, "latin1"), "/")).toThrow();
    expect(() => decodeAnswer(Buffer.from(text, "latin1"))).toThrow();
  });
});

describe("frames", () => {
  test("hold many binary parts, and what JSON makes of the rest", () => {
    const parts = Array.from({ length: 20 }, (_, index) => Buffer.from([index]));
    expect(decodeFrames(encodeEvent("/x", ["a", ...parts, new Date(0), undefined]))).toEqual([
      "a",
      ...parts,
      "1970-01-01T00:00:00.000Z",
      null,
    ]);
  });
  test("that are not whole throw", () => {
    expect(() => decodeFrames(encodeEvent("/", ["a", Buffer.from([1])]).slice(0, 1))).toThrow();
  });
});
