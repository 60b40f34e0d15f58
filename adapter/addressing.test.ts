import { describe, expect, test } from "@jest/globals";
import { createAddressing, isBindable, MAX_ROOMS } from "./addressing.ts";
import { namespaceTopic, roomTopic } from "./cluster-message.ts";

const ALL = namespaceTopic("/");
const SOCKET = "Kb3-9_xQ0aZZtR5yAAAB";
const topic = (room: string) => roomTopic("/", room);

describe("what is said to rooms goes to", () => {
  test.each<[sentence: string, rooms: string[], topics: string | string[]]>([
    ["everyone, where there is no room", [], ALL],
    ["the room's topic", ["c:lobby"], topic("c:lobby")],
    ["each room's topic", ["c:a", "c:b"], [topic("c:a"), topic("c:b")]],
    ["everyone, for a socket's id", [SOCKET], ALL],
    ["everyone, and the rooms beside a socket's id", ["c:a", SOCKET], [ALL, topic("c:a")]],
    ["everyone, for very many rooms", Array.from({ length: MAX_ROOMS + 1 }, (_, index) => `r${index}`), ALL],
  ])("%s", (_sentence, rooms, topics) => expect(createAddressing(() => 0).topics("/", new Set(rooms))).toEqual(topics));

  test("everyone too, for some seconds after others were told to join the room", () => {
    let now = 100;
    const addressing = createAddressing(() => now);
    addressing.joined("/", ["a"]);
    const topics = (nsp: string, room: string) => addressing.topics(nsp, new Set([room]));
    expect(topics("/", "a")).toEqual([ALL, topic("a")]);
    expect([topics("/", "b"), topics("/x", "a")]).toEqual([topic("b"), roomTopic("/x", "a")]);
    now += 3000;
    addressing.joined("/", ["a"]);
    now += 3000;
    expect(topics("/", "a")).toEqual([ALL, topic("a")]);
    now += 3000;
    expect(topics("/", "a")).toEqual(topic("a"));
  });

  test("everyone, where more rooms were joined than are remembered", () => {
    let now = 100;
    const addressing = createAddressing(() => now);
    for (let room = 0; room < 20_000; room += 1) addressing.joined("/", [String(room)]);
    expect(addressing.topics("/", new Set(["7"]))).toEqual([ALL, topic("7")]);
    now += 6000;
    expect(addressing.topics("/", new Set(["7"]))).toEqual(topic("7"));
  });
});

test.each([
  [SOCKET, false],
  [`${SOCKET}x`, true],
  [SOCKET.slice(1), true],
  [`${SOCKET.slice(1)}.`, true],
  [`${SOCKET}\n`, true],
  ["", true],
  ["c:lobby", true],
])("room %j can be bound: %s", (room, bindable) => expect(isBindable(room)).toBe(bindable));
