import { describe, expect, test } from "@jest/globals";
import { silentLog } from "#process";
import { Registry } from "prom-client";
import { createShedding, spread, type SheddingOptions, type SheddingParts } from "./shed.ts";

interface Session {
  id: number;
  user: string | undefined;
  owed: number;
  close(): void;
}

/** `users[i]` has the session i; times are those of the waits alone. */
const stage = (users: (string | undefined)[], over: Partial<SheddingOptions> = {}) => {
  const world = {
    now: 0,
    share: Infinity,
    isDraining: false,
    want: () => 0,
    closed: [] as number[],
    at: [] as number[],
  };
  const open = new Map<number, Session>();
  users.forEach((user, id) => {
    const close = () => {
      world.closed.push(id);
      world.at.push(world.now);
      open.delete(id);
    };
    open.set(id, { id, user, owed: 0, close });
  });
  const parts: SheddingParts<Session> = {
    open: () => [...open.values()],
    userOf: ({ user }) => user,
    budget: {
      share: () => world.share,
      tell: () => undefined,
      want: (wanted) => {
        world.want = () => wanted().left;
        return { [Symbol.dispose]: () => void (world.want = () => 0) };
      },
    },
  };
  const shedding = createShedding<Session>({
    draining: () => world.isDraining,
    log: silentLog(),
    registry: new Registry(),
    clock: () => world.now,
    random: () => 0.5,
    wait: async (ms) => void (world.now += ms),
    ...over,
  });
  const end = async () => {
    for (let turns = 0; turns < 5000; turns++) await Promise.resolve();
    return world.closed;
  };
  const begin = (sessions: number, perSecond: number) => shedding.begin({ sessions, perSecond }, parts);
  return { world, open, begin, isOn: shedding.isOn, over: end };
};
const guests = (count: number) => Array.from({ length: count }, () => undefined);

describe("a gateway that sheds", () => {
  test("closes as many as it is told, at the pace it is told", async () => {
    const { world, begin, over } = stage(guests(100));
    expect(begin(40, 20)).toBe(true);
    expect(await over()).toHaveLength(40);
    expect(world.now).toBeGreaterThan(1900);
    expect(world.now).toBeLessThan(2200);
    expect(world.want()).toBe(0);
  });

  test("keeps within the share that it has of the cluster's pace, and gives up what that leaves no time for", async () => {
    const { world, begin, over } = stage(guests(100));
    world.share = 5;
    begin(40, 20);
    const closed = await over();
    expect(closed.length).toBeGreaterThan(20);
    expect(closed.length).toBeLessThan(24);
    expect(world.now).toBeLessThan(4500);
  });

  test("tells the others what it still has to close", async () => {
    const told: number[] = [];
    const { world, begin, over } = stage(guests(10), {
      wait: async (ms) => {
        told.push(world.want());
        world.now += ms;
      },
    });
    begin(4, 20);
    await over();
    expect([...new Set(told)]).toEqual([4, 3, 2, 1, 0]);
  });

  test("leaves those alone that wait for an ack, until they have it", async () => {
    const { world, open, begin, over } = stage(guests(3), {
      wait: async (ms) => {
        world.now += ms;
        const first = open.get(0);
        if (world.now > 2500 && first !== undefined) first.owed = 0;
      },
    });
    for (const session of open.values()) session.owed = session.id === 2 ? 0 : 1;
    begin(3, 1);
    expect(await over()).toEqual([2, 0]);
    expect(world.at[1]).toBeGreaterThan(2500);
  });

  test("is asked once at a time, and not while it drains", async () => {
    const { world, begin, over } = stage(guests(10));
    expect(begin(1, 10)).toBe(true);
    expect(begin(1, 10)).toBe(false);
    expect(await over()).toHaveLength(1);
    world.isDraining = true;
    expect(begin(1, 10)).toBe(false);
  });

  test("ends where it is to drain", async () => {
    const { world, begin, over } = stage(guests(100), {
      wait: async (ms) => {
        world.now += ms;
        world.isDraining = world.now > 1000;
      },
    });
    begin(100, 10);
    expect((await over()).length).toBeLessThan(12);
  });

  test("is on until those that it sent away have found another gateway", async () => {
    const { world, begin, isOn, over } = stage(guests(2));
    expect(isOn()).toBe(false);
    begin(2, 100);
    await over();
    const ended = world.at[1] ?? 0;
    world.now = ended + 4999;
    expect(isOn()).toBe(true);
    world.now = ended + 5000;
    expect(isOn()).toBe(false);
  });
});

test("of each user one goes before any has a second, and who goes is chance", () => {
  const sessions = ["a", "a", "a", "a", "b", "b", "c"].map((user, id) => ({ id, user }));
  const values = [0.1, 0.9, 0.4, 0.3, 0.8, 0.2, 0.5];
  const order = spread(
    sessions,
    ({ user }) => user,
    () => values.shift() ?? 0,
  ).map(({ user, id }) => user + id);
  expect(order).toEqual(["a0", "b5", "c6", "a3", "b4", "a2", "a1"]);
});
