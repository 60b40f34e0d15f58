import { expect, test } from "@jest/globals";
import type { Member } from "#adapter";
import { DRAIN_TOPIC } from "#crds";
import { memoryBus, publishedOn } from "../testing/memory-bus.ts";
import { openBudget } from "./budget.ts";

const member = (node: string): Member => ({ node, instance: node, role: "gateway" });

/** The budget of gateway `g0` beside `g1`, of 100 per second. */
const open = async () => {
  const bus = memoryBus();
  const world = { now: 0, members: [member("g0"), member("g1")] };
  let left: (member: Member) => void = () => undefined;
  const budget = await openBudget({
    bus,
    membership: {
      self: member("g0"),
      members: () => world.members,
      onLeave: (listener) => {
        left = (gone) => listener(gone, true);
        return { [Symbol.dispose]: () => undefined };
      },
    },
    perSecond: 100,
    clock: () => world.now,
  });
  const say = (node: string, left: number, leaving = true) =>
    bus.publish(DRAIN_TOPIC, Buffer.from(JSON.stringify({ v: 1, node, left, leaving })));
  const own = () => bus.published.filter(({ message }) => message.includes('"g0"')).map((it) => JSON.parse(it.message));
  return { bus, budget, world, say, own, leave: (node: string) => left(member(node)) };
};

test("what the others tell, and who of them goes, counts as long as they are there", async () => {
  const { budget, world, say, leave } = await open();
  using _ = budget.want(() => ({ left: 100, leaving: true }));
  expect(budget.share()).toBe(50);
  world.now = 250;
  expect(budget.share()).toBe(100);
  say("g1", 300);
  expect([budget.share(), budget.elsewhere()]).toEqual([25, false]);
  say("g1", 0);
  expect([budget.share(), budget.elsewhere()]).toEqual([100, false]);
  say("g2", 100, false);
  expect(budget.share()).toBe(50);
  say("g2", 0, false);
  world.members = [...world.members, member("g3")];
  expect([budget.share(), budget.elsewhere()]).toEqual([100, true]);
  say("g1", 100);
  leave("g1");
  expect(budget.share()).toBe(100);
  say("g1", 100);
  world.now += 29_000;
  expect(budget.share()).toBe(50);
  world.now += 2000;
  expect(budget.share()).toBe(100);
});

test("it tells at once, then four times a second, sooner where somebody new is heard, and when it is over", async () => {
  const { budget, world, say, own } = await open();
  let left = 7;
  const want = budget.want(() => ({ left, leaving: false }));
  const pass = (ms: number) => {
    world.now += ms;
    budget.tell();
  };
  pass(200);
  expect(own()).toEqual([{ v: 1, node: "g0", left: 7, leaving: false }]);
  left = 6;
  pass(50);
  expect(own().at(-1)).toMatchObject({ left: 6 });
  say("g1", 1);
  say("g2", 1);
  pass(10);
  pass(10);
  expect(own()).toHaveLength(3);
  want[Symbol.dispose]();
  expect(own().at(-1)).toMatchObject({ left: 0 });
});

test("a thousand that go together tell 40 times a second between them, each every 5 s at least; what is no claim is passed over", async () => {
  const { bus, budget, world, say } = await open();
  using _ = budget.want(() => ({ left: 1, leaving: true }));
  for (let i = 0; i < 1000; i++) say(`other${i}`, 1);
  bus.publish(DRAIN_TOPIC, Buffer.from("nonsense"));
  bus.publish(DRAIN_TOPIC, Buffer.from('{"v":1,"node":"x","left":-5,"leaving":true}'));
  budget.tell();
  const before = publishedOn(bus, DRAIN_TOPIC);
  for (let step = 0; step < 1000; step++) {
    world.now += 10;
    budget.tell();
  }
  expect(publishedOn(bus, DRAIN_TOPIC) - before).toBe(2);
  expect(budget.share()).toBeCloseTo(100 / 1001);
});
