import { describe, expect, test } from "@jest/globals";
import { eventually } from "#testing";
import { createBindings } from "./bindings.ts";
import { PARTITIONS, partitionKey } from "./routing.ts";

/** A server that answers in its own time: at the edge of the part under test. */
const server = () => {
  const bound = new Set<string>();
  const deeds: string[] = [];
  let answer: (() => void)[] = [];
  let held = false;
  const later = (act: () => void) =>
    new Promise<object>((resolve) => {
      const answered = () => {
        act();
        resolve({});
      };
      if (held) answer.push(answered);
      else setImmediate(answered);
    });
  return {
    bound,
    deeds,
    hold: () => (held = true),
    release: () => {
      held = false;
      for (const each of answer) each();
      answer = [];
    },
    channel: {
      bindQueue: (_queue: string, _exchange: string, key: string) => {
        deeds.push(`+${key}`);
        return later(() => bound.add(key));
      },
      unbindQueue: (_queue: string, _exchange: string, key: string) => {
        deeds.push(`-${key}`);
        return later(() => bound.delete(key));
      },
    },
  };
};

const start = async (limits = { maxRooms: 100, maxPending: 1000 }) => {
  const rabbit = server();
  const bindings = createBindings(limits, () => {});
  const target = { channel: rabbit.channel, queue: "q", exchange: "e" };
  await bindings.attach(target);
  return { ...rabbit, bindings, target };
};
const partition = (index: number) => index % PARTITIONS;
const rooms = (count: number) => Array.from({ length: count }, (_, index) => [`r${index}`, partition(index)] as const);

describe("a queue's bindings", () => {
  test("follow what is wanted, and who waits is told when it is so", async () => {
    const { bindings, bound, hold, release } = await start();
    hold();
    bindings.want("a", 1);
    let active = false;
    const waiting = bindings.active("a", 1).then(() => (active = true));
    await new Promise(setImmediate);
    expect(active).toBe(false);
    release();
    await waiting;
    expect([...bound]).toEqual(["a"]);
    bindings.unwant("a", 1);
    await eventually(() => expect([...bound]).toEqual([]));
  });
  test("what is wanted again before it was unbound stays bound", async () => {
    const { bindings, deeds } = await start();
    bindings.want("a", 1);
    await bindings.active("a", 1);
    bindings.unwant("a", 1);
    bindings.want("a", 1);
    await bindings.active("a", 1);
    bindings.want("b", 1);
    await bindings.active("b", 1);
    expect(deeds).toEqual(["+a", "+b"]);
  });
  test("are partitions where there are too many rooms, and rooms again when there are fewer", async () => {
    const { bindings, bound } = await start();
    for (const [room, at] of rooms(640)) bindings.want(room, at);
    await Promise.all(rooms(640).map(([room, at]) => bindings.active(room, at)));
    await eventually(() => expect(bindings.counts()).toEqual({ bound: 10 * 10 + 54, folded: 54 }));
    for (const [room, at] of rooms(640))
      if (!bound.has(room)) expect([room, bound.has(partitionKey(at))]).toEqual([room, true]);
    for (const [room, at] of rooms(600)) bindings.unwant(room, at);
    await eventually(() =>
      expect([...bound].sort()).toEqual(Array.from({ length: 40 }, (_, it) => `r${600 + it}`).sort()),
    );
  });
  test("are partitions where the server is slow to bind", async () => {
    const { bindings, bound, hold, release } = await start({ maxRooms: 10_000, maxPending: 500 });
    hold();
    for (const [room, at] of rooms(3000)) bindings.want(room, at);
    await new Promise(setImmediate);
    release();
    await Promise.all(rooms(3000).map(([room, at]) => bindings.active(room, at)));
    expect(bound.size).toBeLessThan(1000);
    await eventually(() => expect(bindings.counts()).toEqual({ bound: 3000, folded: 0 }));
    expect([...bound].filter((key) => key.startsWith("p:"))).toEqual([]);
  });
  test("of a new queue hear all at once, by partitions, then by room", async () => {
    const { bindings, bound, target, deeds } = await start({ maxRooms: 10_000, maxPending: 1000 });
    for (const [room, at] of rooms(1000)) bindings.want(room, at);
    bindings.want("#members", undefined);
    await eventually(() => expect(bound.size).toBe(1001));
    bindings.detach();
    bound.clear();
    deeds.splice(0);
    await bindings.attach(target);
    expect(bound.size).toBeLessThan(200);
    expect(deeds[0]).toBe("+#members");
    for (let it = 0; it < PARTITIONS; it += 1) expect(deeds.indexOf(`+${partitionKey(it)}`)).toBeLessThan(65);
    await eventually(() => expect(bindings.counts()).toEqual({ bound: 1001, folded: 0 }));
    expect(bound.size).toBe(1001);
  });
  test("never leave a room unheard while they fold and unfold", async () => {
    const { bindings, bound } = await start({ maxRooms: 50, maxPending: 20 });
    const wanted = new Map<string, number>();
    const all = rooms(400);
    let seed = 1;
    const random = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
    const wantedAt = new Map<string, number>();
    const active = new Set<string>();
    for (let step = 0; step < 3000; step += 1) {
      const [room, at] = all[Math.floor(random() * (step % 1000 < 500 ? 400 : 30))] ?? ["r0", 0];
      if (wanted.delete(room)) {
        active.delete(room);
        bindings.unwant(room, at);
      } else {
        wanted.set(room, at);
        bindings.want(room, at);
        const asked = step;
        wantedAt.set(room, asked);
        void bindings.active(room, at).then(() => {
          if (wanted.has(room) && wantedAt.get(room) === asked) active.add(room);
        });
      }
      if (step % 7 === 0) await new Promise(setImmediate);
      for (const it of active) {
        const heard = bound.has(it) || bound.has(partitionKey(wanted.get(it) ?? -1));
        if (!heard) throw new Error(`${it} is not heard at step ${step}`);
      }
    }
    await eventually(() => {
      for (const [room, at] of wanted)
        expect([room, bound.has(room) || bound.has(partitionKey(at))]).toEqual([room, true]);
      for (const key of bound) if (key.startsWith("r")) expect([key, wanted.has(key)]).toEqual([key, true]);
    });
  });
  test("reject who waits when they are closed", async () => {
    const { bindings, hold } = await start();
    hold();
    bindings.want("a", 1);
    const waiting = bindings.active("a", 1);
    bindings.close();
    await expect(waiting).rejects.toThrow("closed");
  });
});
