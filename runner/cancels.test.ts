import { describe, expect, test } from "@jest/globals";
import { createCancels } from "./cancels.ts";

const MINUTE = 60_000;

const set = ({ capacity = 100 } = {}) => {
  const world = { now: 10 * MINUTE, connected: true };
  const cancels = createCancels({ connected: () => world.connected, now: () => world.now, capacity });
  return { world, cancels };
};

describe("whether the ledger has to be asked", () => {
  test("not for a first attempt that is younger than what was listened to", () => {
    const { world, cancels } = set();
    expect(cancels.unsure({ at: world.now + MINUTE, attempt: 1 })).toBe(false);
  });

  test("for a job that is older than this worker, or about as old: clocks differ", () => {
    const { world, cancels } = set();
    expect(cancels.unsure({ at: world.now - MINUTE, attempt: 1 })).toBe(true);
    expect(cancels.unsure({ at: world.now + 1000, attempt: 1 })).toBe(true);
  });

  test("for a later attempt", () => {
    const { world, cancels } = set();
    expect(cancels.unsure({ at: world.now + MINUTE, attempt: 2 })).toBe(true);
  });

  test("for what was sent before the Bus was back", () => {
    const { world, cancels } = set();
    world.connected = false;
    world.now += 2 * MINUTE;
    cancels.look();
    world.connected = true;
    expect(cancels.unsure({ at: world.now - MINUTE, attempt: 1 })).toBe(true);
    expect(cancels.unsure({ at: world.now + MINUTE, attempt: 1 })).toBe(false);
  });

  test("for what was sent before announcements were forgotten because there were too many", () => {
    const { world, cancels } = set({ capacity: 2 });
    const sent = world.now + MINUTE;
    world.now += 2 * MINUTE;
    for (const key of ["ada/1", "ada/2", "ada/3"]) cancels.heard(key);
    expect([cancels.has("ada/1"), cancels.has("ada/3")]).toEqual([false, true]);
    expect(cancels.unsure({ at: sent, attempt: 1 })).toBe(true);
  });
});
