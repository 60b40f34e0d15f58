import { describe, expect, test } from "@jest/globals";
import { userRoom } from "#crds";
import { type Fixture } from "./fixture.ts";

export const gate = (get: () => Fixture): void => {
  describe("the job gate", () => {
    test("holds what is about a job from the socket whose ack is owed, and from it only", async () => {
      const { one, delivery, settleEmitter } = get();
      const emitter = delivery.emitter({ job: "anna/1" });
      await one.ask("hold", { event: "anna/1", joined: userRoom("anna") });
      emitter.to("lobby").emit("progress", 1);
      emitter.toUser("anna").emit("done");
      emitter.toUser("ben").emit("not for anna");
      delivery.emitter({ job: "anna/2" }).toUser("anna").emit("of another job");
      expect(await settleEmitter()).toEqual({
        anna: [["of another job"]],
        ben: [["progress", 1], ["not for anna"]],
      });
      expect(await one.ask("release", { event: "anna/1" })).toBeGreaterThanOrEqual(2);
      emitter.toUser("anna").emit("later");
      expect((await settleEmitter()).anna).toEqual([["ack", "anna/1"], ["progress", 1], ["done"], ["later"]]);
    });
  });
};
