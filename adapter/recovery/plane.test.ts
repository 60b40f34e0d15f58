import { expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { silentLog } from "#process";
import type { LogFollower } from "../log/port.ts";
import { encodeEntry } from "./entry.ts";
import { createPlane } from "./plane.ts";

test("what is marked in the tail of an epoch is known of it, and what was read before stays as it was", async () => {
  const followed = Promise.withResolvers<LogFollower>();
  await using plane = createPlane({
    openedLog: {
      append: async () => ({ epoch: "e", index: 1 }),
      follow: async (_from, follower) => {
        followed.resolve(follower);
        return { place: () => ({ epoch: "e", index: 0 }), [Symbol.asyncDispose]: async () => {} };
      },
      connected: () => true,
      [Symbol.asyncDispose]: async () => {},
    },
    limits: { maxMessages: 2, maxBytes: 1000 },
    sender: new Uint8Array([1]),
    log: silentLog(),
    registry: new Registry(),
  });
  await plane.start("oldest");
  const follower = await followed.promise;
  const mark = (index: number, node: string, upTo: number) =>
    follower.entries("e", [{ index, bytes: encodeEntry(new Uint8Array([1]), index, { kind: "mark", node, upTo }) }]);
  mark(1, "a", 1);
  const first = plane.marks();
  mark(2, "b", 1);
  mark(3, "b", 2);
  expect(first).toEqual({ epoch: "e", upTo: new Map([["a", 1]]) });
  expect(plane.marks()).toEqual({ epoch: "e", upTo: new Map([["b", 2]]) });
  follower.cut({ epoch: "f", index: 0 });
  expect(plane.marks()).toEqual({ epoch: "f", upTo: new Map() });
});
