import { expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { silentLog } from "#process";
import type { Sessions } from "#store";
import { encodeBody } from "./session-body.ts";
import { createSessionKeeper, type SessionKeeperOptions } from "./sessions.ts";

const nothing = { [Symbol.dispose]: () => {} };
const kept = { epoch: "e", start: 1, known: 0, marked: 0, asOf: 1, rooms: [], left: [], givenUpTo: 1, given: [] };
const body = encodeBody({ socket: "s", node: "other", at: 0, data: {}, issuedAt: 0, subscribed: [], kept });
const session = { pid: "secret", user: "anna", guest: false, turn: 1, version: 1, body: body ?? new Uint8Array() };

/** A client comes back with the secret, and the store answers as told; with which marks it was resumed. */
const comeBack = async (take: (world: { marks: string }) => Awaited<ReturnType<Sessions["take"]>>) => {
  const world = { marks: "before" };
  const resumed: unknown[] = [];
  const options = {
    recovery: {
      marks: () => world.marks,
      resume: (_: unknown, { marks }: { marks: unknown }) => resumed.push(marks) > 0,
      offer: () => kept,
      onChange: () => nothing,
      onTaken: () => nothing,
      place: () => ({ epoch: "e", index: 1 }),
    },
    store: { take: async () => take(world), put: async () => {} },
    refuseRevoked: async () => {},
    onLost: () => nothing,
    node: "node",
    windowSeconds: 60,
    maxMessages: 100,
    clock: Date.now,
    log: silentLog(),
    registry: new Registry(),
  };
  // Only what is asked for here.
  await using keeper = createSessionKeeper(options as unknown as SessionKeeperOptions);
  const conn = { protocol: 4, readyState: "open", once: () => {} };
  const socket = { id: "new", conn, handshake: { auth: { pid: "secret" }, query: {} } };
  await keeper.arrive(socket as never, { user: "anna", anonymous: false } as never, false);
  return resumed;
};

test("what is marked while a session is being taken does not speak for it: what its gateway writes then is left", async () => {
  const resumed = await comeBack((world) => {
    world.marks = "after";
    return session;
  });
  expect(resumed).toEqual(["before"]);
});

test("one that was taken and is not written yet is waited for", async () => {
  let asked = 0;
  const resumed = await comeBack(() => {
    asked += 1;
    return asked < 10 ? "taken" : session;
  });
  expect(resumed).toEqual(["before"]);
});

test("one that is not there is lost soon", async () => {
  let asked = 0;
  const resumed = await comeBack(() => {
    asked += 1;
    return undefined;
  });
  expect([asked, resumed]).toEqual([4, []]);
});
