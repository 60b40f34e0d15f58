import { expect, test } from "@jest/globals";
import { bestMatch, channelOfRoom, channelRoom, userRoom } from "#crds";

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
