import { expect, test } from "@jest/globals";
import { silentLog } from "#process";
import type { Session } from "#store";
import { eventually } from "#testing";
import { newHeld } from "./held.ts";
import { createKeeping, type KeepingOptions } from "./keeping.ts";

test("a session is written again before the log drops what the store knows of it, though nothing changed", async () => {
  let index = 10;
  const written: string[][] = [];
  const nothing = { [Symbol.dispose]: () => {} };
  const kept = { start: 1, known: 0, asOf: 1, rooms: [], left: [], given: [] };
  const options = {
    recovery: {
      place: () => ({ epoch: "e", index }),
      kept: () => ({ epoch: "e", ...kept, givenUpTo: index }),
      onChange: () => nothing,
      onTaken: () => nothing,
      mark: () => {},
    },
    store: { put: async (sessions: Session[]) => void written.push(sessions.map(({ pid }) => pid)) },
    onLost: () => nothing,
    node: "node",
    windowSeconds: 60,
    maxMessages: 100,
    clock: Date.now,
    log: silentLog(),
  };
  // Only what is asked for here.
  await using keeping = createKeeping(options as unknown as KeepingOptions);
  const socket = { id: "s", data: {} } as never;
  const connection = { identity: { user: "anna", issuedAt: 0 }, subscribed: [] } as never;
  keeping.held.set(socket, newHeld({ pid: "secret", guest: false, connection }));
  keeping.touch(socket);
  await eventually(() => expect(written).toEqual([["secret"]]));
  index = 61;
  await eventually(() => expect(written).toEqual([["secret"], ["secret"]]));
  index = 112;
  await eventually(() => expect(written).toHaveLength(3));
});
