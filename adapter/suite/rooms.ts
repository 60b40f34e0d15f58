import { describe, expect, test } from "@jest/globals";
import { channelRoom } from "#crds";
import { eventually } from "#testing";
import type { DriverUnderTest } from "../testing/drivers.ts";
import type { TestGateway } from "../testing/cluster.ts";
import type { Fixture } from "./fixture.ts";

const NAMES = [
  "a.b.c",
  "*",
  "c:a*?[b]",
  "#",
  "##",
  "/",
  "/admin#x",
  "#members",
  "p:3",
  "io:/",
  "with spaces\tand\nlines",
  "ünïcödé 你好 🐘",
  "x".repeat(1000),
  "ü".repeat(1000),
  "Kb3-9_xQ0aZZtR5yAAAB",
  "{}",
  "%23",
  "__proto__",
];

/** Many, so that heartbeats meanwhile do not matter. */
const COUNT = 3000;

/** How many messages a gateway has taken in from the Bus. */
const received = async (gateway: TestGateway): Promise<number> =>
  Number(/^realtime_bus_received_total (\d+)$/m.exec(String(await gateway.ask("metrics")))?.[1]);

export const rooms = (get: () => Fixture, { promises }: DriverUnderTest): void => {
  describe("a room", () => {
    test("may have every kind of name", async () => {
      const { one, two } = get();
      using guest = await two.client("guest", NAMES);
      for (const [index, name] of NAMES.entries()) await one.ask("emit", { rooms: [name], event: "n", args: [index] });
      await one.ask("emit", { rooms: NAMES, event: "all" });
      await eventually(() => expect(guest.heard).toHaveLength(NAMES.length + 1));
      expect(guest.heard).toEqual([...NAMES.map((_, index) => ["n", index]), ["all"]]);
    });
    test("is one of very many that an emission names", async () => {
      const { one, settle } = get();
      const many = Array.from({ length: 1000 }, (_, index) => `nobody-${index}`);
      await one.ask("emit", { rooms: [...many, "two"], event: "a" });
      expect(await settle()).toEqual({ anna: [], ben: [["a"]] });
    });
    test("of which no name is another's", async () => {
      const { one, two, settle } = get();
      using guest = await two.client("guest", ["/admin#x"]);
      using admin = await two.client("admin", [], "/dynamic-admin");
      await two.ask("joinHere", { name: "admin", nsp: "/dynamic-admin", joined: "x" });
      await one.ask("emit", { rooms: ["x"], nsp: "/dynamic-admin", event: "theirs" });
      await one.ask("emit", { rooms: ["/admin#x"], event: "ours" });
      await settle();
      expect(guest.heard.filter(([event]) => event !== "mark")).toEqual([["ours"]]);
      await eventually(() => expect(admin.heard).toEqual([["theirs"]]));
    });
    test("that a socket has joined gets all that others say from then on", async () => {
      const { one, three } = get();
      using guest = await three.client("guest");
      const all = Array.from({ length: 50 }, (_, index) => index);
      for (const index of all) {
        await three.ask("joinHere", { name: "guest", joined: `fresh-${index}` });
        await one.ask("emit", { rooms: [`fresh-${index}`], event: "n", args: [index] });
      }
      // A mark of before may be on its way.
      const numbers = () => guest.heard.filter(([event]) => event !== "mark");
      await eventually(() => expect(numbers()).toEqual(all.map((index) => ["n", index])));
    });
    test("that a socket has left says nothing to it, and something again when it comes back", async () => {
      const { one, three } = get();
      using guest = await three.client("guest");
      const heard: string[] = [];
      for (const round of ["a", "b", "c"]) {
        await three.ask("joinHere", { name: "guest", joined: "club" });
        await one.ask("emit", { rooms: ["club"], event: round });
        heard.push(round);
        await eventually(() => expect(guest.heard.flat()).toEqual(heard));
        await three.ask("leaveHere", { name: "guest", joined: "club" });
        await one.ask("emit", { rooms: ["club"], event: "missed" });
        // Behind it, so that it has come by before the socket is back.
        await one.ask("emit", { event: "mark", args: [round] });
        heard.push("mark", round);
        await eventually(() => expect(guest.heard.flat()).toEqual(heard));
      }
      await three.ask("joinHere", { name: "guest", joined: "club" });
      await one.ask("emit", { rooms: ["club"], event: "end" });
      await eventually(() => expect(guest.heard.flat()).toEqual([...heard, "end"]));
    });
  });

  if (!promises.roomwise) return;
  describe("what is said to rooms", () => {
    const say = async (to: string[]) => {
      const { one, settle } = get();
      await one.ask("emitMany", { rooms: to, event: "n", count: COUNT });
      return settle();
    };
    test("is not taken in by a gateway that holds no member", async () => {
      const { three } = get();
      const before = await received(three);
      expect((await say(["two"])).ben).toHaveLength(COUNT);
      expect((await received(three)) - before).toBeLessThan(COUNT / 3);
    });
    test("is taken in once by a gateway that holds members of several", async () => {
      const { two, three } = get();
      const [atTwo, atThree] = await Promise.all([received(two), received(three)]);
      expect((await say(["one", "two", channelRoom("lobby"), "nobody"])).ben).toHaveLength(COUNT);
      const taken = (await received(two)) - atTwo;
      expect(taken).toBeGreaterThanOrEqual(COUNT);
      expect(taken).toBeLessThan(COUNT * 1.3);
      expect((await received(three)) - atThree).toBeLessThan(COUNT / 3);
    });
    test("is not taken in any more some time after the last member left", async () => {
      const { three } = get();
      using guest = await three.client("guest");
      await three.ask("joinHere", { name: "guest", joined: "two" });
      await say(["two"]);
      await three.ask("leaveHere", { name: "guest", joined: "two" });
      await eventually(async () => {
        const before = await received(three);
        await say(["two"]);
        expect((await received(three)) - before).toBeLessThan(COUNT / 3);
      });
      expect(guest.socket.connected).toBe(true);
    });
  });
};
