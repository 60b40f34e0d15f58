import { describe, expect, test } from "@jest/globals";
import { channelRoom, userRoom } from "#crds";
import { type Fixture } from "./fixture.ts";

export const sockets = (get: () => Fixture): void => {
  describe("sockets of all gateways", () => {
    const names = (found: unknown) => (found as { name: string }[]).map(({ name }) => name).sort();
    test("are found, with rooms and data", async () => {
      const { one } = get();
      expect(names(await one.ask("fetch"))).toEqual(["anna", "ben"]);
      expect(await one.ask("fetch", { rooms: ["two"] })).toEqual([
        { name: "ben", rooms: expect.arrayContaining(["two", userRoom("ben")]) },
      ]);
    });
    test("join and leave rooms", async () => {
      const { one, settle } = get();
      await one.ask("join", { rooms: ["two"], joined: "extra" });
      await one.ask("emit", { rooms: ["extra"], event: "a" });
      await one.ask("leave", { rooms: ["two"], joined: "extra" });
      await one.ask("emit", { rooms: ["extra"], event: "b" });
      expect(await settle()).toEqual({ anna: [], ben: [["a"]] });
    });
    test("join, are told, leave in program order, the gateway's own too", async () => {
      const { one, settle } = get();
      await one.ask("joinAndTell", { rooms: [channelRoom("lobby")], joined: "brief" });
      expect(await settle()).toEqual({ anna: [["told", 1]], ben: [["told", 1]] });
      expect(await one.ask("fetch", { rooms: ["brief"] })).toEqual([]);
    });
    test("are disconnected", async () => {
      const { one, two } = get();
      const guest = await two.client("guest", ["guests"]);
      const gone = new Promise<void>((resolve) => guest.socket.once("disconnect", () => resolve()));
      await one.ask("disconnect", { rooms: ["guests"] });
      await gone;
    });
  });
};
