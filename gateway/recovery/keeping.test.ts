import { expect, test } from "@jest/globals";
import { silentLog } from "#process";
import type { Session } from "#store";
import { eventually } from "#testing";
import { newHeld } from "./held.ts";
import { createKeeping, type KeepingOptions } from "./keeping.ts";
import { decodeBody } from "./session-body.ts";

const nothing = { [Symbol.dispose]: () => {} };
const kept = { start: 1, known: 0, asOf: 1, rooms: [], left: [], given: [] };

const setUp = (put: (sessions: Session[]) => Promise<void>, drop = async (_pid: string) => {}) => {
  const world = { epoch: "e", index: 10, marked: [] as number[] };
  const options = {
    recovery: {
      place: () => ({ epoch: world.epoch, index: world.index }),
      kept: () => ({ epoch: "e", ...kept, givenUpTo: world.index }),
      onChange: () => nothing,
      onTaken: () => nothing,
      mark: ({ index }: { index: number }) => void world.marked.push(index),
    },
    store: { put, drop },
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

/** The writes under way; each goes on until it is answered. */
const slowStore = () => {
  const writes: { of: string; session: Session; answer: () => void }[] = [];
  const put = async (sessions: Session[]) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const session of sessions)
      writes.push({ of: `${session.pid} at ${decodeBody(session.body)?.node}`, session, answer: resolve });
    await promise;
  };
  const under = (of: string) =>
    eventually(() => {
      const write = writes.find((it) => it.of === of);
      if (write === undefined) throw new Error(`not under way: ${of}`);
      return write;
    });
  return { put, under };
};

test("what a client leaves is a later version than what is being written of it, and nothing is marked as kept before both are there", async () => {
  const { put, under } = slowStore();
  await using world = setUp(put);
  const { keeping } = world;
  const socket = world.connect("s");
  const here = await under("secret of s at node");
  const left = keeping.current(socket);
  keeping.forget(socket);
  if (left !== undefined) keeping.putBack(left);
  const gone = await under("secret of s at ");
  expect(gone.session.version).toBeGreaterThan(here.session.version);
  world.index = 60;
  here.answer();
  world.connect("t");
  (await under("secret of t at node")).answer();
  await new Promise(setImmediate);
  expect(world.marked).toEqual([]);
  gone.answer();
  await eventually(() => expect(world.marked).toEqual([60]));
});

test("who is gone for good is dropped behind what is being written of him", async () => {
  const { put, under } = slowStore();
  const dropped: string[] = [];
  await using world = setUp(put, async (pid) => void dropped.push(pid));
  const { keeping } = world;
  const socket = world.connect("s");
  const here = await under("secret of s at node");
  const it = keeping.held.get(socket);
  keeping.forget(socket);
  if (it !== undefined) keeping.drop(it);
  await new Promise(setImmediate);
  expect(dropped).toEqual([]);
  here.answer();
  await eventually(() => expect(dropped).toEqual(["secret of s"]));
});

test("what cannot be written any more is dropped before anything is marked as kept", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const dropped: string[] = [];
  await using world = setUp(
    async () => {},
    async (pid) => {
      dropped.push(pid);
      await promise;
    },
  );
  const socket = world.connect("s");
  await eventually(() => expect(world.keeping.held.get(socket)?.version).toBe(1));
  Object.assign(socket, { data: "x".repeat(2 << 20) });
  world.keeping.touch(socket);
  world.index = 60;
  await eventually(() => expect(dropped).toEqual(["secret of s"]));
  await new Promise(setImmediate);
  expect(world.marked).toEqual([]);
  resolve();
  await eventually(() => expect(world.marked).toEqual([60]));
});

test("in a new epoch of the log, whose places are lower, sessions are marked all the same", async () => {
  await using world = setUp(async () => {});
  world.connect("s");
  world.index = 1000;
  await eventually(() => expect(world.marked).toEqual([1000]));
  Object.assign(world, { epoch: "f", index: 50 });
  await eventually(() => expect(world.marked).toEqual([1000, 50]));
});
