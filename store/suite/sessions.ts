import { beforeAll, describe, expect, test } from "@jest/globals";
import { eventually } from "#testing";
import type { Session, Store } from "../port.ts";
import { NAMES, type Stores } from "./fixture.ts";

const session = (pid: string, more: Partial<Session> = {}): Session => ({
  pid,
  user: "ann",
  guest: false,
  turn: 0,
  version: 0,
  body: new Uint8Array([0, 1, 255]),
  ...more,
});
/** Equal to the bytes, whatever the driver gives them as. */
const bytes = (...values: number[]) => expect.objectContaining(Object.fromEntries(Object.entries(values)));
const ANN = { user: "ann", guest: false };

/** Sessions, as every driver keeps them. */
export const describeSessions = (stores: Stores): void => {
  describe("sessions", () => {
    let a: Store;
    let b: Store;
    beforeAll(() => {
      [a, b] = stores();
    });

    test("one is taken as it was put last, its turn counted up, and only once", async () => {
      await a.sessions.put([session("once", { body: new Uint8Array([1]) })], 60);
      await a.sessions.put([session("once", { version: 1 }), session("other")], 60);
      const last = { ...session("once"), turn: 1, version: 1, body: expect.anything() };
      expect(await b.sessions.take("once", ANN)).toEqual(last);
      expect(await a.sessions.take("once", ANN)).toBe("taken");
      expect(await a.sessions.take("other", ANN)).toEqual({ ...session("other"), turn: 1, body: bytes(0, 1, 255) });
    });

    test("whichever comes last, the later version of a turn stays, and every version of a later turn", async () => {
      const version = (turn: number, it: number) =>
        session("versions", { turn, version: it, body: new Uint8Array([it]) });
      await a.sessions.put([version(0, 2)], 60);
      await b.sessions.put([version(0, 1)], 60);
      expect(await a.sessions.take("versions", ANN)).toMatchObject({ turn: 1, version: 2, body: bytes(2) });
      await b.sessions.put([version(0, 3)], 60);
      expect(await b.sessions.take("versions", ANN)).toBe("taken");
      await a.sessions.put([version(1, 1)], 60);
      await b.sessions.put([version(0, 4)], 60);
      expect(await b.sessions.take("versions", ANN)).toMatchObject({ turn: 2, version: 1, body: bytes(1) });
    });

    test("written and taken at once, it is taken, and no earlier turn is there again", async () => {
      for (let round = 0; round < 50; round++) {
        const pid = `at-once-${round}`;
        await a.sessions.put([session(pid)], 60);
        const [, taken] = await Promise.all([
          a.sessions.put([session(pid, { version: 1 })], 60),
          b.sessions.take(pid, ANN),
        ]);
        expect(taken).toMatchObject({ turn: 1 });
        expect(await a.sessions.take(pid, ANN)).toBe("taken");
      }
    });

    test("of two that take it at once exactly one gets it", async () => {
      for (let round = 0; round < 50; round++) {
        const pid = `race-${round}`;
        await a.sessions.put([session(pid)], 60);
        const both = await Promise.all([a.sessions.take(pid, ANN), b.sessions.take(pid, ANN)]);
        expect(both.filter((it) => typeof it === "object")).toHaveLength(1);
      }
    });

    test("another user does not get it, and it stays for its own", async () => {
      await a.sessions.put([session("mine")], 60);
      expect(await b.sessions.take("mine", { user: "bob", guest: false })).toBeUndefined();
      expect(await b.sessions.take("mine", { user: "bob", guest: true })).toBeUndefined();
      expect(await b.sessions.take("mine", ANN)).toMatchObject({ user: "ann" });
    });

    test("a guest's is a guest's who has the secret, and says who he was", async () => {
      await a.sessions.put([session("guest", { user: "anon-1", guest: true })], 60);
      expect(await b.sessions.take("guest", ANN)).toBeUndefined();
      expect(await b.sessions.take("guest", { user: "anon-2", guest: true })).toMatchObject({ user: "anon-1" });
    });

    test("who had it before puts it no more, nor drops it, whoever took it puts it again", async () => {
      await a.sessions.put([session("turns")], 60);
      await b.sessions.take("turns", ANN);
      await a.sessions.put([session("turns")], 60);
      expect(await a.sessions.take("turns", ANN)).toBe("taken");
      await b.sessions.put([session("turns", { turn: 1, body: new Uint8Array([9]) })], 60);
      await a.sessions.put([session("turns")], 60);
      await a.sessions.drop("turns", 0);
      expect(await a.sessions.take("turns", ANN)).toMatchObject({ turn: 2, body: bytes(9) });
    });

    test("a dropped one is gone", async () => {
      await a.sessions.put([session("gone")], 60);
      await b.sessions.drop("gone", 0);
      await b.sessions.drop("never there", 5);
      expect(await a.sessions.take("gone", ANN)).toBeUndefined();
    });

    test("it lives as long as it was put or kept for", async () => {
      const brief = Array.from({ length: 1000 }, (_, index) => `brief-${index}`);
      await a.sessions.put(
        [...brief, "kept"].map((pid) => session(pid)),
        2,
      );
      await a.sessions.keep(["kept", "never there"], 60);
      expect(await b.sessions.take(brief.pop() ?? "", ANN)).toBeDefined();
      await eventually(async () => expect(await b.sessions.take(brief.pop() ?? "kept", ANN)).toBeUndefined());
      expect(await b.sessions.take("kept", ANN)).toBeDefined();
      expect(await b.sessions.take("never there", ANN)).toBeUndefined();
    });

    test.each(NAMES)("a secret and a user %s are kept", async (_what, text) => {
      await a.sessions.put([session(`x${text}`, { user: text })], 60);
      expect(await b.sessions.take(`x${text}`, { user: text, guest: false })).toMatchObject({ user: text });
    });
  });
};
