import { describe, expect, test } from "@jest/globals";
import { type Fixture } from "./fixture.ts";

export const questions = (get: () => Fixture): void => {
  describe("a question to clients", () => {
    test("collects the acks of several gateways", async () => {
      const { one, anna, ben, settle } = get();
      for (const [client, name] of [
        [anna, "anna"],
        [ben, "ben"],
      ] as const)
        client.socket.once("who", (ack: (name: string) => void) => ack(name));
      const names = await one.ask("ask", { event: "who" });
      expect(names).toHaveLength(2);
      expect(names).toEqual(expect.arrayContaining(["anna", "ben"]));
      await settle();
    });
    test("of which one does not answer ends by its timeout, with the answers there are", async () => {
      const { one, ben, settle } = get();
      ben.socket.once("who", (ack: (name: string) => void) => ack("ben"));
      expect(await one.ask("askPartially", { event: "who", timeoutMs: 500 })).toEqual({
        error: "operation has timed out",
        responses: ["ben"],
      });
      await settle();
    });
  });
};
