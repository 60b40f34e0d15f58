import { describe, expect, test } from "@jest/globals";
import { eventually } from "#testing";
import type { Fixture } from "./fixture.ts";

export const namespaces = (get: () => Fixture): void => {
  describe("a namespace", () => {
    test.each(["/static", "/dynamic-1"])("%s keeps what is said in it", async (nsp) => {
      const { one, two, settle } = get();
      using there = await one.client("carl", ["r"], nsp);
      using here = await two.client("dora", ["r"], nsp);
      await one.ask("emit", { nsp, event: "inside" });
      await one.ask("emit", { nsp, rooms: ["r"], event: "to the room" });
      await eventually(() => {
        for (const { heard } of [there, here]) expect(heard).toEqual([["inside"], ["to the room"]]);
      });
      expect(await settle()).toEqual({ anna: [], ben: [] });
    });
    test("that a gateway has closed is no longer asked there", async () => {
      const { one, two } = get();
      const nsp = "/dynamic-2";
      using here = await one.client("carl", [], nsp);
      const there = await two.client("dora", [], nsp);
      await eventually(async () => expect(await one.ask("nodes", { nsp })).toBe(2));
      there.socket.disconnect();
      await eventually(async () => expect(await one.ask("nodes", { nsp })).toBe(1));
      expect(await one.ask("fetch", { nsp })).toHaveLength(1);
      expect(here.socket.connected).toBe(true);
    });
    test("that empties while somebody joins it is whole for him", async () => {
      const { one, two } = get();
      const nsp = "/dynamic-3";
      const first = await one.client("first", ["r"], nsp);
      const coming = one.client("second", ["r"], nsp, { waits: true });
      await eventually(async () => expect(await one.ask("waiting")).toBe(1));
      first.socket.disconnect();
      await eventually(async () => expect(await one.ask("here", { nsp })).toBe(0));
      await one.ask("letIn");
      using second = await coming;
      using other = await two.client("other", ["r"], nsp);
      await one.ask("emit", { nsp, event: "a" });
      await two.ask("emit", { nsp, rooms: ["r"], event: "b" });
      await eventually(() => expect(second.heard).toHaveLength(2));
      expect(second.heard).toEqual(expect.arrayContaining([["a"], ["b"]]));
      await eventually(async () => expect(await two.ask("fetch", { nsp })).toHaveLength(2));
      expect(other.heard).toContainEqual(["b"]);
    });
  });
};
