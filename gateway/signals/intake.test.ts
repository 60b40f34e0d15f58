import { describe, expect, test } from "@jest/globals";
import { createIntake } from "./intake.ts";

const setUp = () => {
  const clock = { now: 0 };
  const intake = createIntake(() => clock.now);
  let told = 0;
  return {
    clock,
    watch: (room: Record<string, number>, node = "g1") => intake.watch(node, room, () => (told += 1)),
    /** How often it was told of `jobs` more. */
    take: (jobs: number, pool = "chat") => {
      const before = told;
      for (let i = 0; i < jobs; i++) intake.taken(pool);
      return told - before;
    },
  };
};

describe("what a gateway takes", () => {
  test("is told at the first job where there is no room", () => {
    const { watch, take } = setUp();
    watch({ chat: 0 });
    expect(take(1)).toBe(1);
  });

  test("is told when it is more than there is room for, and then each time that it has doubled", () => {
    const { watch, take } = setUp();
    watch({ chat: 10 });
    expect([take(10), take(1), take(11), take(1), take(1000)]).toEqual([0, 1, 0, 1, 5]);
  });

  test("is counted anew from the next question on", () => {
    const { watch, take } = setUp();
    watch({ chat: 10 });
    take(10);
    watch({ chat: 10 });
    expect([take(10), take(1)]).toEqual([0, 1]);
  });

  test("is told to each that asks, and to none that has not asked for long", () => {
    const { clock, watch, take } = setUp();
    watch({ chat: 0 }, "g1");
    watch({ chat: 0 }, "g2");
    expect(take(1)).toBe(2);
    clock.now = 11_000;
    watch({ chat: 0 }, "g3");
    expect(take(1)).toBe(1);
  });

  test("of a pool that nobody watches is told to nobody", () => {
    const { watch, take } = setUp();
    watch({ chat: 0 });
    expect(take(5, "mail")).toBe(0);
  });
});
