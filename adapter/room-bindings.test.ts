import { describe, expect, test } from "@jest/globals";
import { eventually } from "#testing";
import { createRoomBindings } from "./room-bindings.ts";

/** A Bus, at the edge of the part under test, that confirms when it is told to. */
const start = (lingerMs = 50) => {
  const topics: string[] = [];
  const unconfirmed: (() => void)[] = [];
  let connected = true;
  let slow = false;
  const held = new Set<string>();
  const bindings = createRoomBindings({
    bus: {
      publish: () => {},
      connected: () => connected,
      subscribe: async (topic) => {
        topics.push(topic);
        if (slow) await new Promise<void>((resolve) => unconfirmed.push(resolve));
        return { [Symbol.asyncDispose]: async () => void topics.splice(topics.indexOf(topic), 1) };
      },
    },
    topicOf: (room) => `t:${room}`,
    hear: () => {},
    isHeld: (room) => held.has(room),
    lingerMs,
  });
  return {
    topics,
    bindings,
    join: (room: string) => {
      held.add(room);
      bindings.bind(room);
    },
    leave: (room: string) => {
      held.delete(room);
      bindings.release(room);
    },
    slow: () => (slow = true),
    confirm: () => {
      for (const each of unconfirmed.splice(0)) each();
    },
    cut: () => (connected = false),
  };
};

describe("a room", () => {
  test("is bound at its first member and unbound some time after its last", async () => {
    const { topics, join, leave } = start();
    join("a");
    join("b");
    expect(topics).toEqual(["t:a", "t:b"]);
    leave("a");
    expect(topics).toEqual(["t:a", "t:b"]);
    await eventually(() => expect(topics).toEqual(["t:b"]));
    join("a");
    expect(topics).toEqual(["t:b", "t:a"]);
  });
  test("that somebody joins again meanwhile stays bound", async () => {
    const { topics, join, leave } = start();
    join("a");
    join("b");
    leave("a");
    leave("b");
    join("a");
    await eventually(() => expect(topics).toEqual(["t:a"]));
  });
  test("of a socket's id is never bound", () => {
    const { topics, join, bindings } = start();
    join("Kb3-9_xQ0aZZtR5yAAAB");
    expect(topics).toEqual([]);
    expect(bindings.active(["Kb3-9_xQ0aZZtR5yAAAB"])).toBeUndefined();
  });
  test("is waited for until the Bus has confirmed it, and no longer", async () => {
    const { join, bindings, slow, confirm } = start();
    slow();
    join("a");
    let active = false;
    const waiting = bindings.active(["a"])?.then(() => (active = true));
    await new Promise(setImmediate);
    expect(active).toBe(false);
    confirm();
    await waiting;
    expect(bindings.active(["a"])).toBeUndefined();
  });
  test("is not waited for while the Bus is away", async () => {
    const { join, bindings, slow, cut } = start();
    slow();
    join("a");
    const waiting = bindings.active(["a"]);
    cut();
    await waiting;
    join("b");
    expect(bindings.active(["b"])).toBeUndefined();
  });
  test("is left at the end", async () => {
    const { topics, join, bindings } = start();
    join("a");
    await bindings[Symbol.asyncDispose]();
    join("b");
    expect(topics).toEqual([]);
  });
});
