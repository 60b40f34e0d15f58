import { describe, expect, test } from "@jest/globals";
import { createSeen } from "./seen.ts";

describe("what a tail has seen", () => {
  test("a document is new once", () => {
    const seen = createSeen();
    const news = ["a", 1, "1", "a", 1].map((id) => {
      const isNew = !seen.has(id);
      seen.add(id);
      return isNew;
    });
    expect(news).toEqual([true, true, true, false, false]);
    expect(seen.ids()).toEqual(["a", 1, "1"]);
  });

  test("at least the last 1,000 are known, in their order, and no more than twice as many", () => {
    const seen = createSeen();
    for (let id = 0; id < 10_500; id += 1) seen.add(id);
    const ids = seen.ids();
    expect(ids.at(-1)).toBe(10_499);
    expect(ids.slice(-1000)).toEqual(Array.from({ length: 1000 }, (_, index) => 9500 + index));
    expect(ids.length).toBeLessThanOrEqual(2000);
  });
});
