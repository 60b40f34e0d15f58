import { beforeAll, describe, expect, test } from "@jest/globals";
import { eventually } from "#testing";
import type { Store } from "../port.ts";
import { NAMES, type Stores } from "./fixture.ts";

/** History, as every driver keeps it. */
export const describeHistory = (stores: Stores): void => {
  describe("history", () => {
    let a: Store;
    let b: Store;
    beforeAll(() => {
      [a, b] = stores();
    });

    const entry = (id: string, ...args: unknown[]) => ({ id, event: "e", args, at: Number(id) });
    const keep = { maxMessages: 3, ttlSeconds: 60 };

    test("the newest are kept, told oldest first", async () => {
      for (const id of ["1", "2", "3", "4"]) await a.history.append("h", entry(id, { text: id }), keep);
      expect(await b.history.last("h", 10)).toEqual(["2", "3", "4"].map((id) => entry(id, { text: id })));
      expect(await b.history.last("h", 1)).toEqual([entry("4", { text: "4" })]);
      expect(await b.history.last("h", 0)).toEqual([]);
      expect(await b.history.last("unknown", 10)).toEqual([]);
    });

    test("binary arguments stay binary, JSON stays as it was", async () => {
      const bytes = new Uint8Array([0, 124, 255]);
      await a.history.append("bin", entry("1", bytes, { a: [null, 0.1 + 0.2, [], {}] }), keep);
      const [found] = await b.history.last("bin", 1);
      const [binary, json] = found?.args ?? [];
      expect(binary instanceof Uint8Array && [...binary]).toEqual([...bytes]);
      expect(json).toEqual({ a: [null, 0.1 + 0.2, [], {}] });
    });

    test("what is older than its time is not told", async () => {
      await a.history.append("ttl", entry("1"), { maxMessages: 10, ttlSeconds: 1 });
      await a.history.append("ttl", entry("2"), keep);
      await eventually(async () => expect(await b.history.last("ttl", 10)).toEqual([entry("2")]));
    });

    test.each(NAMES)("a channel %s is kept", async (_what, text) => {
      await a.history.append(text, entry("1", text), keep);
      expect(await b.history.last(text, 5)).toEqual([entry("1", text)]);
    });
  });
};
