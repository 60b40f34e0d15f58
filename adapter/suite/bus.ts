import { describe, expect, test } from "@jest/globals";
import { eventually } from "#testing";
import { text, type Fixture } from "./fixture.ts";

export const bus = (get: () => Fixture): void => {
  describe("the Bus", () => {
    test("delivers to every subscriber of the topic, the publisher's own too, bytes as they are", async () => {
      const { delivery } = get();
      const heard: string[] = [];
      await using hearing = new AsyncDisposableStack();
      hearing.use(await delivery.bus.subscribe("topic", (message) => heard.push(`1 ${text(message)}`)));
      hearing.use(await delivery.bus.subscribe("topic", (message) => heard.push(`2 ${text(message)}`)));
      hearing.use(await delivery.bus.subscribe("topics", () => heard.push("other")));
      delivery.bus.publish("topic", new Uint8Array(Buffer.from("ä")));
      await eventually(() => expect(heard).toEqual(["1 ä", "2 ä"]));
    });
    test("foreign bytes on any topic end no gateway", async () => {
      const { one, delivery, settleEmitter } = get();
      for (const topic of ["io:/", "io-nodes", `io-answer:${one.node}`, "members"])
        for (const bytes of ["", "{", "{}", "\xc1", "\x98"]) delivery.bus.publish(topic, Buffer.from(bytes, "latin1"));
      await settleEmitter();
      expect(await one.ask("fetch")).toHaveLength(2);
    });
    test("a listener that throws is counted and harms nobody", async () => {
      const { delivery, registry } = get();
      const heard: string[] = [];
      await using hearing = new AsyncDisposableStack();
      hearing.use(
        await delivery.bus.subscribe("bad", () => {
          throw new Error("of the test");
        }),
      );
      hearing.use(await delivery.bus.subscribe("bad", (message) => heard.push(text(message))));
      delivery.bus.publish("bad", Buffer.from("x"));
      await eventually(() => expect(heard).toEqual(["x"]));
      expect(await registry.metrics()).toMatch(/realtime_bus_malformed_total [1-9]/);
    });
  });
};
