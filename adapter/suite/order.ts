import { describe, expect, test } from "@jest/globals";
import { channelRoom, replyTopic } from "#crds";
import { eventually } from "#testing";
import type { Delivery } from "../port.ts";
import type { DriverUnderTest } from "../testing/drivers.ts";
import { text, type Fixture } from "./fixture.ts";

/** Resolves when this process has taken in all that was published before: a listener may hear what was on its way when it came. */
export const takenIn = async ({ bus }: Delivery): Promise<void> => {
  const heard = Promise.withResolvers<void>();
  await using _ = await bus.subscribe("taken-in", () => heard.resolve());
  bus.publish("taken-in", Buffer.alloc(0));
  await heard.promise;
};

export const order = (get: () => Fixture, { recovery }: DriverUnderTest): void => {
  describe("order", () => {
    const COUNT = 1000;
    const numbers = Array.from({ length: COUNT }, (_, index) => index);
    test("emissions and Bus messages of a gateway arrive as they were sent", async () => {
      const { one, delivery, settle } = get();
      const heard: string[] = [];
      await using hearing = new AsyncDisposableStack();
      await takenIn(delivery);
      hearing.use(
        await delivery.bus.subscribe(replyTopic("interleaved"), (message) => heard.push(`bus ${text(message)}`)),
      );
      hearing.use(await delivery.listener.listen("lobby", (_event, [index]) => heard.push(`emitted ${String(index)}`)));
      await one.ask("interleave", { rooms: [channelRoom("lobby")], event: "n", count: COUNT });
      await eventually(() => expect(heard).toHaveLength(2 * COUNT), { timeoutMs: 20_000 });
      if (recovery === undefined)
        expect(heard).toEqual(numbers.flatMap((index) => [`emitted ${index}`, `bus ${index}`]));
      // Beside a Log an answer comes behind what was emitted before it; what was emitted behind it may come first.
      for (const what of ["emitted", "bus"])
        expect(heard.filter((it) => it.startsWith(what))).toEqual(numbers.map((index) => `${what} ${index}`));
      for (const index of numbers)
        expect(heard.indexOf(`bus ${index}`)).toBeGreaterThan(heard.indexOf(`emitted ${index}`));
      expect((await settle()).ben).toEqual(numbers.map((index) => ["n", index]));
    });
    test("what a process that is no gateway emits, joins and leaves takes effect as called", async () => {
      const { delivery, settleEmitter } = get();
      const emitter = delivery.emitter();
      for (const index of numbers) {
        if (index % 2 === 0) emitter.join("ben", "flicker");
        else emitter.leave("ben", "flicker");
        emitter.to("flicker").emit("n", index);
      }
      expect((await settleEmitter()).ben).toEqual(
        numbers.filter((index) => index % 2 === 0).map((index) => ["n", index]),
      );
    });
  });
};
