import { describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { channelRoom } from "#crds";
import { type Fixture } from "./fixture.ts";

export const questions = (get: () => Fixture): void => {
  describe("a question to clients", () => {
    test("collects the acks of several gateways", async () => {
      const { one, three, anna, ben, settle } = get();
      using cleo = await three.client("cleo", [channelRoom("lobby")]);
      const clients = { anna, ben, cleo };
      for (const rooms of [[], [channelRoom("lobby")]]) {
        for (const [name, client] of Object.entries(clients))
          client.socket.once("who", (ack: (name: string) => void) => ack(name));
        const names = await one.ask("ask", { rooms, event: "who" });
        expect([...z.array(z.string()).parse(names)].sort()).toEqual(Object.keys(clients));
      }
      await settle();
    });
    test("of which one does not answer ends by its timeout, with the answers there are", async () => {
      const { one, ben, settle } = get();
      ben.socket.once("who", (ack: (name: string) => void) => ack("ben"));
      expect(await one.ask("askPartially", { event: "who", timeoutMs: 2000 })).toEqual({
        error: "operation has timed out",
        responses: ["ben"],
      });
      await settle();
    });
  });
};
