import { describe, expect, test } from "@jest/globals";
import { channelRoom, userRoom } from "#crds";
import { eventually } from "#testing";
import type { DriverUnderTest } from "../testing/drivers.ts";
import type { Fixture } from "./fixture.ts";

export const gate = (get: () => Fixture, { recovery }: DriverUnderTest): void => {
  describe("the job gate", () => {
    test("holds what is about a job from the socket whose ack is owed, and from it only", async () => {
      const { one, delivery, anna, ben, settleEmitter } = get();
      using carl = await one.client("carl", [channelRoom("lobby")]);
      const emitter = delivery.emitter({ job: "anna/1" });
      await one.ask("hold", { event: "anna/1", joined: userRoom("anna") });
      emitter.to("lobby").emit("progress", 1);
      emitter.toUser("anna").emit("done");
      emitter.toUser("ben").emit("not for anna");
      delivery.emitter({ job: "anna/2" }).toUser("anna").emit("of another job");
      if (recovery === undefined)
        expect(await settleEmitter()).toEqual({
          anna: [["of another job"]],
          ben: [["progress", 1], ["not for anna"]],
        });
      // In the Log's order all that stands behind waits for it, too.
      else
        await eventually(() => {
          expect(ben.heard).toEqual([["progress", 1], ["not for anna"]]);
          expect(carl.heard).toEqual([["progress", 1]]);
        });
      expect(anna.heard).toEqual([]);
      expect(await one.ask("release", { event: "anna/1" })).toBeGreaterThanOrEqual(1);
      emitter.toUser("anna").emit("later");
      expect((await settleEmitter()).anna).toEqual([
        ["ack", "anna/1"],
        ["progress", 1],
        ["done"],
        ...(recovery === undefined ? [] : [["of another job"]]),
        ["later"],
      ]);
    });
  });
};
