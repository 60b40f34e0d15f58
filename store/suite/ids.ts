import { beforeAll, describe, expect, test } from "@jest/globals";
import type { Store } from "../port.ts";
import { NAMES, type Stores } from "./fixture.ts";

/** Job ids, as every driver keeps them. */
export const describeIds = (stores: Stores): void => {
  describe("ids", () => {
    let a: Store;
    let b: Store;
    beforeAll(() => {
      [a, b] = stores();
    });

    const mark = { gateway: "g", event: "chat:message" };

    test("an id goes from new over pending to taken, and the ack is kept as it was", async () => {
      const ack = { ok: true, id: "1", durable: true };
      expect(await a.ids.begin("ann/1", mark)).toEqual({ state: "new" });
      expect(await b.ids.begin("ann/1", { ...mark, event: "other" })).toEqual({
        state: "pending",
        event: "chat:message",
      });
      await a.ids.take("ann/1", ack);
      expect(await b.ids.begin("ann/1", mark)).toEqual({ state: "taken", event: "chat:message", ack });
    });

    test("of two that begin the same id at once exactly one finds it new", async () => {
      for (let round = 0; round < 50; round++) {
        const both = await Promise.all([a.ids.begin(`race/${round}`, mark), b.ids.begin(`race/${round}`, mark)]);
        expect(both.map(({ state }) => state).sort()).toEqual(["new", "pending"]);
      }
    });

    test("a refused id is new again, a taken one stays", async () => {
      await a.ids.begin("drop/1", mark);
      await b.ids.drop("drop/1");
      expect(await a.ids.begin("drop/1", mark)).toEqual({ state: "new" });
      await a.ids.take("drop/1", 1);
      await b.ids.drop("drop/1");
      expect(await a.ids.begin("drop/1", mark)).toMatchObject({ state: "taken", ack: 1 });
      await a.ids.drop("never begun");
    });

    test("an ack for a dropped mark is kept where the event is told, else not", async () => {
      await a.ids.take("late/1", 1);
      expect(await b.ids.begin("late/1", mark)).toEqual({ state: "new" });
      await a.ids.take("late/2", 1, "chat:message");
      expect(await b.ids.begin("late/2", mark)).toEqual({ state: "taken", event: "chat:message", ack: 1 });
    });

    test.each(NAMES)("a key %s is kept", async (_what, text) => {
      expect(await a.ids.begin(text, { gateway: text, event: text })).toEqual({ state: "new" });
      await a.ids.take(text, { text });
      expect(await b.ids.begin(text, mark)).toEqual({ state: "taken", event: text, ack: { text } });
    });
  });
};
