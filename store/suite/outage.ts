import { describe, expect, test } from "@jest/globals";
import { Refusal } from "#crds";
import { eventually } from "#testing";
import type { Store } from "../port.ts";
import { job, type StoreSubject } from "./fixture.ts";

/** What calls do while the server is away, with every driver. */
export const describeOutage = (subject: StoreSubject): void => {
  describe("a server that goes away", () => {
    const calls = (store: Store): Record<string, () => Promise<unknown>> => ({
      record: () => store.ledger.record([job({ id: "away" })]),
      get: () => store.ledger.get("ann", "away"),
      overview: () => store.ledger.overview("chat", 1),
      requestCancel: () => store.ledger.requestCancel("ann", "away"),
      cancelRequested: () => store.ledger.cancelRequested("ann", "away"),
      begin: () => store.ids.begin("away", { gateway: "g", event: "e" }),
      take: () => store.ids.take("away", 1),
      drop: () => store.ids.drop("away"),
      connect: () => store.presence.connect("n", "s", "u", 5),
      disconnect: () => store.presence.disconnect("n", "s"),
      enter: () => store.presence.enter("n", "s", "u", "c"),
      leave: () => store.presence.leave("n", "s", "u", "c"),
      users: () => store.presence.users("c"),
      channels: () => store.presence.channels(),
      connections: () => store.presence.connections("u"),
      held: () => store.presence.held("n"),
      evict: () => store.presence.evict("n"),
      nodes: () => store.presence.nodes(),
      revoke: () => store.revocations.revoke({ jti: "away" }, 5),
      isRevoked: () => store.revocations.isRevoked({ user: "u", issuedAt: 1 }),
      append: () =>
        store.history.append("c", { id: "1", event: "e", args: [], at: 1 }, { maxMessages: 1, ttlSeconds: 5 }),
      last: () => store.history.last("c", 1),
    });

    test("every call is refused within 3 s; when the server is back they work, and presence can be made true", async () => {
      await using server = await subject.server();
      await using store = await server.open("away", "n");
      let told = 0;
      const listening = store.onLost(() => told++);
      await store.presence.connect("n", "s", "u", 5);
      await store.presence.enter("n", "s", "u", "c");

      const underWay = Promise.allSettled(Object.values(calls(store)).map((call) => call()));
      await server.kill();
      for (const outcome of await underWay)
        if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(Refusal);

      const asked = performance.now();
      const refusals = await Promise.all(
        Object.entries(calls(store)).map(([name, call]) =>
          call().then(
            () => `${name} was answered`,
            (error: unknown) =>
              error instanceof Refusal && error.cause instanceof Error ? error.code : `${name}: ${String(error)}`,
          ),
        ),
      );
      expect(performance.now() - asked).toBeLessThan(3000);
      expect(new Set(refusals)).toEqual(new Set(["store_unavailable"]));
      await eventually(() => expect(store.connected()).toBe(false));
      expect(told).toBe(0);

      await server.start();
      await eventually(() => expect(told).toBeGreaterThan(0), { timeoutMs: 30_000 });
      expect(store.connected()).toBe(true);
      for (const { socket } of await store.presence.held("n")) await store.presence.disconnect("n", socket);
      await store.presence.connect("n", "s", "u", 5);
      await store.presence.enter("n", "s", "u", "c");
      expect(await store.presence.users("c")).toEqual(["u"]);
      expect(await store.presence.held("n")).toEqual([{ socket: "s", user: "u", channels: ["c"] }]);
      for (const call of Object.values(calls(store))) await call();
      listening[Symbol.dispose]();
    });

    test("a store that is closed is refused, and closing while the server is away ends", async () => {
      await using server = await subject.server();
      const store = await server.open("closed");
      const other = await server.open("closed");
      await other[Symbol.asyncDispose]();
      await expect(other.presence.nodes()).rejects.toThrow(Refusal);
      await server.kill();
      await store[Symbol.asyncDispose]();
      await expect(store.presence.nodes()).rejects.toThrow(Refusal);
    });
  });
};
