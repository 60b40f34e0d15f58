import { expect, test } from "@jest/globals";
import { silentLog } from "#process";
import type { Session } from "#store";
import { eventually } from "#testing";
import { newHeld } from "./held.ts";
import { createKeeping, type KeepingOptions } from "./keeping.ts";
import { decodeBody } from "./session-body.ts";

const nothing = { [Symbol.dispose]: () => {} };
const kept = { start: 1, known: 0, asOf: 1, rooms: [], left: [], given: [] };

const setUp = (put: (sessions: Session[]) => Promise<void>) => {
  const world = { index: 10, marked: [] as number[] };
  const options = {
    recovery: {
      place: () => ({ epoch: "e", index: world.index }),
      kept: () => ({ epoch: "e", ...kept, givenUpTo: world.index }),
      onChange: () => nothing,
      onTaken: () => nothing,
      mark: ({ index }: { index: number }) => void world.marked.push(index),
    },
    store: { put },
    onLost: () => nothing,
    node: "node",
    windowSeconds: 60,
    maxMessages: 100,
    clock: Date.now,
    log: silentLog(),
  };
  // Only what is asked for here.
  const keeping = createKeeping(options as unknown as KeepingOptions);
  const connection = { identity: { user: "anna", issuedAt: 0 }, subscribed: [] } as never;
  const connect = (id: string) => {
    const socket = { id, data: {} } as never;
    keeping.held.set(socket, newHeld({ pid: `secret of ${id}`, guest: false, connection }));
    keeping.touch(socket);
    return socket;
  };
  return Object.assign(world, { keeping, connect, [Symbol.asyncDispose]: () => keeping[Symbol.asyncDispose]() });
};

test("a session is written again before the log drops what the store knows of it, though nothing changed", async () => {
  const written: string[][] = [];
  await using world = setUp(async (sessions) => void written.push(sessions.map(({ pid }) => pid)));
  world.connect("s");
  await eventually(() => expect(written).toEqual([["secret of s"]]));
  world.index = 61;
  await eventually(() => expect(written).toEqual([["secret of s"], ["secret of s"]]));
  world.index = 112;
  await eventually(() => expect(written).toHaveLength(3));
});

test("what a client leaves is written after what was written of it before, and nothing is marked as kept before both are", async () => {
  const writes: { of: string; answer: () => void }[] = [];
  await using world = setUp(async (sessions) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const [session] = sessions;
    writes.push({ of: `${session?.pid} at ${decodeBody(session?.body ?? Buffer.of())?.node}`, answer: resolve });
    await promise;
  });
  const { keeping } = world;
  const answer = (of: string) =>
    eventually(() => {
      const [write] = writes.splice(0, writes[0]?.of === of ? 1 : 0);
      if (write === undefined) throw new Error(`not the next write: ${of}`);
      write.answer();
    });
  const socket = world.connect("s");
  await eventually(() => expect(writes).toHaveLength(1));
  const left = keeping.current(socket);
  keeping.forget(socket);
  if (left !== undefined) keeping.putBack(left);
  await answer("secret of s at node");
  await eventually(() => expect(writes).toHaveLength(1));
  world.connect("t");
  world.index = 60;
  await eventually(() => expect(writes).toHaveLength(2));
  writes.reverse();
  await answer("secret of t at node");
  await new Promise(setImmediate);
  expect(world.marked).toEqual([]);
  await answer("secret of s at ");
  await eventually(() => expect(world.marked).toEqual([60]));
});
