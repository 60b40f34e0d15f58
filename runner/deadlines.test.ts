import { describe, expect, test } from "@jest/globals";
import { eventually } from "#testing";
import { createDeadlines } from "./deadlines.ts";

describe("deadlines", () => {
  test("each expires once, in the order of their starts; what has ended does not", async () => {
    const expired: string[] = [];
    using deadlines = createDeadlines<string>(30, (it) => expired.push(it));
    for (const it of ["first", "ended", "second"]) deadlines.start(it);
    deadlines.end("ended");
    await eventually(() => expect(expired).toEqual(["first", "second"]));
    deadlines.start("third");
    await eventually(() => expect(expired).toEqual(["first", "second", "third"]));
  });

  test("one that started later is not taken along with an earlier one", async () => {
    const clock = { now: 0 };
    const expired: string[] = [];
    using deadlines = createDeadlines<string>(
      20,
      (it) => expired.push(it),
      () => clock.now,
    );
    deadlines.start("first");
    clock.now = 15;
    deadlines.start("second");
    clock.now = 20;
    await eventually(() => expect(expired).toEqual(["first"]));
    clock.now = 35;
    await eventually(() => expect(expired).toEqual(["first", "second"]));
  });
});
