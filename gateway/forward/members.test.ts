import { describe, expect, test } from "@jest/globals";
import { listeners } from "#process";
import { eventually } from "#testing";
import { createMembers } from "./members.ts";

/** Peers as a test lists them, and who answers where; what is asked is written down. */
const world = (listed: string[], there: Record<string, string>) => {
  const changed = listeners<[readonly string[]]>();
  const met: string[] = [];
  let looks = 0;
  const members = createMembers({
    number: "own",
    peers: {
      current: () => listed,
      onChange: changed.add,
      refresh: async () => void (looks += 1),
    },
    meet: async (address) => {
      met.push(address);
      const number = there[address];
      if (number === "hangs") return await new Promise<never>(() => undefined);
      if (number === undefined) throw new Error("refused");
      return number;
    },
    gapMs: 30,
    everyMs: 50,
  });
  return { members, met, looks: () => looks, changed, [Symbol.dispose]: () => members[Symbol.dispose]() };
};

describe("members", () => {
  test("are those that answer at the peers' addresses", async () => {
    using it = world(["a", "b", "dead"], { a: "one", b: "two" });
    await it.members.meetAll();
    expect([await it.members.find("one"), await it.members.find("two"), it.members.size()]).toEqual(["a", "b", 2]);
  });

  test("one that is not known is looked for, and found where it has just come", async () => {
    const listed = ["a"];
    const there: Record<string, string> = { a: "one" };
    using it = world(listed, there);
    await it.members.meetAll();
    listed.push("b");
    there["b"] = "two";
    expect(await it.members.find("two")).toBe("b");
  });

  test("one that has called is known without a look", async () => {
    using it = world([], {});
    it.members.learn("one", "a");
    expect(await it.members.find("one")).toBe("a");
    expect(it.looks()).toBe(0);
  });

  test("one that nobody is, is unknown as soon as all have answered", async () => {
    using it = world(["a"], { a: "one" });
    const began = performance.now();
    expect(await it.members.find("nobody")).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(150);
  });

  test("where some do not answer, it is unknown after 200 ms", async () => {
    using it = world(["a"], { a: "hangs" });
    const began = performance.now();
    expect(await it.members.find("nobody")).toBeUndefined();
    expect(performance.now() - began).toBeGreaterThan(190);
    expect(performance.now() - began).toBeLessThan(1000);
  });

  test("many who ask at once are one look", async () => {
    using it = world(["a"], { a: "one" });
    await Promise.all(Array.from({ length: 1000 }, (_, i) => it.members.find(`nobody${i}`)));
    expect(it.looks()).toBeLessThan(3);
    expect(it.met).toEqual(["a"]);
  });

  test("one that nothing answers for any more is forgotten; another at its address is another", async () => {
    const there: Record<string, string> = { a: "one" };
    using it = world(["a"], there);
    await it.members.meetAll();
    delete there["a"];
    it.members.forget("a");
    expect(await it.members.find("one")).toBeUndefined();
    there["a"] = "two";
    expect(await it.members.find("two")).toBe("a");
    it.members.learn("three", "a");
    expect(it.members.size()).toBe(1);
  });

  test("one that is no longer listed stays while it answers", async () => {
    const listed = ["a"];
    const there: Record<string, string> = { a: "one" };
    using it = world(listed, there);
    await it.members.meetAll();
    listed.pop();
    await eventually(() => expect(it.met.length).toBeGreaterThan(2));
    expect(it.members.size()).toBe(1);
    delete there["a"];
    await eventually(() => expect(it.members.size()).toBe(0));
  });
});
