import { describe, expect, test } from "@jest/globals";
import { channelRoom } from "#crds";
import { eventually } from "#testing";
import { type Fixture } from "./fixture.ts";

export const emissions = (get: () => Fixture): void => {
  describe("an emission of a gateway", () => {
    test("to everyone reaches clients of both gateways", async () => {
      const { one, settle } = get();
      await one.ask("emit", { event: "hello", args: [1, { deep: ["ü", null] }] });
      const said = [["hello", 1, { deep: ["ü", null] }]];
      expect(await settle()).toEqual({ anna: said, ben: said });
    });
    test("to a room reaches its members only, on any gateway", async () => {
      const { one, settle } = get();
      await one.ask("emit", { rooms: ["two"], event: "a" });
      await one.ask("emit", { rooms: ["one"], event: "b" });
      await one.ask("emit", { rooms: ["one", "two"], event: "c" });
      expect(await settle()).toEqual({ anna: [["b"], ["c"]], ben: [["a"], ["c"]] });
    });
    test("leaves out the rooms excepted", async () => {
      const { one, settle } = get();
      await one.ask("emit", { except: ["two"], event: "a" });
      await one.ask("emit", { rooms: [channelRoom("lobby")], except: ["one"], event: "b" });
      expect(await settle()).toEqual({ anna: [["a"]], ben: [["b"]] });
    });
    test("local stays at its gateway", async () => {
      const { one, settle } = get();
      await one.ask("emitFlagged", { flags: ["local"], event: "a" });
      expect(await settle()).toEqual({ anna: [["a"]], ben: [] });
    });
    test("volatile reaches clients that are ready to receive", async () => {
      const { one, settle } = get();
      await one.ask("emitFlagged", { flags: ["volatile"], event: "a" });
      expect(await settle()).toEqual({ anna: [["a"]], ben: [["a"]] });
    });
    test("may hold binary", async () => {
      const { one, settle } = get();
      await one.ask("emit", { rooms: ["two"], event: "bytes", args: [{ a: 1 }], binary: [0, 1, 255] });
      expect((await settle()).ben).toEqual([["bytes", { a: 1 }, Buffer.from([0, 1, 255])]]);
    });
    test("may hold 5 MB", async () => {
      const { one, ben, settle } = get();
      await one.ask("emitLarge", { rooms: ["two"], event: "large", count: 5_000_000 });
      await eventually(() => expect(ben.heard).toHaveLength(1));
      const [event, bytes, text] = ben.heard.splice(0)[0] ?? [];
      expect([event, Buffer.isBuffer(bytes) && bytes.equals(Buffer.alloc(5_000_000, 7)), text]).toEqual([
        "large",
        true,
        "x".repeat(1_000_000),
      ]);
      await one.ask("emit", { rooms: ["two"], event: "after" });
      expect((await settle()).ben).toEqual([["after"]]);
    });
  });
};
