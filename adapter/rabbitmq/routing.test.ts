import { describe, expect, test } from "@jest/globals";
import { namespaceTopic, roomTopic } from "../cluster-message.ts";
import { keyOf, partitionOf, routeOf } from "./routing.ts";

/** sha256 of 250 times x. */
const HASH = "086d4a1c293bde318dc1fec9a21b9d828ba7637bcbdc5cdb42662fd84b733e9f";

describe("a topic's routing key", () => {
  test.each([
    ["a room of the main namespace is itself", roomTopic("/", "c:lobby"), "c:lobby"],
    ["whatever stands in it", roomTopic("/", "a.*#ü/"), "a.*#ü/"],
    ["one that looks like a namespace's", roomTopic("/", "/admin#x"), "/#/admin#x"],
    ["one that looks like a Bus topic", roomTopic("/", "#members"), "/##members"],
    ["one that looks like a partition", roomTopic("/", "p:3"), "/#p:3"],
    ["one without a name", roomTopic("/", ""), "/#"],
    ["a room of another namespace", roomTopic("/admin", "c:lobby"), "/admin#c:lobby"],
    ["the main namespace", namespaceTopic("/"), "/"],
    ["another namespace", namespaceTopic("/admin"), "/admin"],
    ["a Bus topic", "members", "#members"],
    ["a long room, as its hash", roomTopic("/", "x".repeat(250)), `#sha256:${HASH}`],
  ])("%s", (_what, topic, key) => expect(keyOf(topic)).toBe(key));
});

describe("a message is published", () => {
  test.each([
    ["to a room with its partition: crc32 of the key, modulo 64", roomTopic("/", "c:lobby"), "c:lobby", ["p:39"]],
    ["to a namespace without", namespaceTopic("/"), "/", []],
    ["to a Bus topic without", "members", "#members", []],
    [
      "to several topics once",
      [namespaceTopic("/"), roomTopic("/", "c:lobby"), roomTopic("/", "c:lobby")],
      "/",
      ["c:lobby", "c:lobby", "p:39"],
    ],
  ])("%s", (_what, topics, key, cc) => expect(routeOf(topics)).toEqual({ key, cc }));
  test("the hash is of UTF-8", () => expect(partitionOf(roomTopic("/", "ü"))).toBe(21));
});
