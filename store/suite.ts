import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Store } from "./port.ts";
import { job, type StoreSubject } from "./suite/fixture.ts";
import { describeHistory } from "./suite/history.ts";
import { describeIds } from "./suite/ids.ts";
import { describeLedger } from "./suite/ledger.ts";
import { describeOutage } from "./suite/outage.ts";
import { describePresence } from "./suite/presence.ts";
import { describeRevocations } from "./suite/revocations.ts";
import { describeSessions } from "./suite/sessions.ts";

export type { StoreServer, StoreSubject } from "./suite/fixture.ts";

/** The cases every driver of the store's ports must pass. */
export const describeStore = (name: string, subject: StoreSubject): void => {
  describe(`store: ${name}`, () => {
    let a: Store;
    let b: Store;
    beforeAll(async () => {
      const cluster = `suite-${randomUUID()}`;
      [a, b] = await Promise.all([subject.open(cluster, "node-a"), subject.open(cluster, "node-b")]);
    });
    afterAll(async () => {
      await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
      await subject.dispose?.();
    });

    test("an open store is connected", () => expect(a.connected()).toBe(true));

    test("another cluster on the same server sees nothing of this one", async () => {
      await using other = await subject.open(`suite-${randomUUID()}`);
      await a.ledger.record([job({ id: "mine" })]);
      await a.presence.connect("node-a", "s", "apart", 5);
      expect(await other.ledger.get("ann", "mine")).toBeUndefined();
      expect(await other.presence.connections("apart")).toEqual([]);
      await a.presence.disconnect("node-a", "s");
    });

    const stores = () => [a, b] as const;
    describeLedger(stores, subject.finished);
    describeIds(stores);
    describePresence(stores, subject.many);
    describeRevocations(stores);
    describeHistory(stores);
    describeSessions(stores);
    describeOutage(subject);
  });
};
