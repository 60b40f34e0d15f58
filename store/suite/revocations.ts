import { beforeAll, describe, expect, test } from "@jest/globals";
import { eventually } from "#testing";
import type { Store } from "../port.ts";
import { NAMES, type Stores } from "./fixture.ts";

/** Revocations, as every driver keeps them. */
export const describeRevocations = (stores: Stores): void => {
  describe("revocations", () => {
    let a: Store;
    let b: Store;
    beforeAll(() => {
      [a, b] = stores();
    });

    test("a token is revoked by its id, a user's by when they were issued", async () => {
      await a.revocations.revoke({ jti: "t1" }, 60);
      await a.revocations.revoke({ user: "eve", before: 100 }, 60);
      await a.revocations.revoke({ user: "eve", before: 50 }, 1);
      const isRevoked = (token: { jti?: string; user: string; issuedAt: number }) => b.revocations.isRevoked(token);
      expect(await isRevoked({ jti: "t1", user: "ann", issuedAt: 1 })).toBe(true);
      expect(await isRevoked({ jti: "t2", user: "ann", issuedAt: 1 })).toBe(false);
      expect(await isRevoked({ user: "eve", issuedAt: 99 })).toBe(true);
      expect(await isRevoked({ jti: "t2", user: "eve", issuedAt: 100 })).toBe(false);
    });

    test("a revocation goes when the token would have expired", async () => {
      await a.revocations.revoke({ jti: "brief" }, 1);
      await a.revocations.revoke({ user: "brief", before: 100 }, 1);
      await a.revocations.revoke({ jti: "past" }, 0);
      expect(await b.revocations.isRevoked({ jti: "past", user: "x", issuedAt: 1 })).toBe(false);
      expect(await b.revocations.isRevoked({ jti: "brief", user: "x", issuedAt: 1 })).toBe(true);
      await eventually(async () => {
        expect(await b.revocations.isRevoked({ jti: "brief", user: "x", issuedAt: 1 })).toBe(false);
        expect(await b.revocations.isRevoked({ user: "brief", issuedAt: 1 })).toBe(false);
      });
    });

    test.each(NAMES)("a name %s is kept", async (_what, text) => {
      await a.revocations.revoke({ jti: text }, 60);
      await a.revocations.revoke({ user: text, before: 5 }, 60);
      expect(await b.revocations.isRevoked({ jti: text, user: "ann", issuedAt: 9 })).toBe(true);
      expect(await b.revocations.isRevoked({ user: text, issuedAt: 4 })).toBe(true);
    });
  });
};
