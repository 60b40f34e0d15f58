import { beforeAll, describe, expect, test } from "@jest/globals";
import type { LedgerEntry, Store } from "../port.ts";
import { job, NAMES, type Stores } from "./fixture.ts";

const permutations = <T>(items: readonly T[]): T[][] =>
  items.length < 2
    ? [[...items]]
    : items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]));

/** The ledger, as every driver keeps it. */
export const describeLedger = (stores: Stores, finished = 10_000): void => {
  describe("ledger", () => {
    let a: Store;
    let b: Store;
    beforeAll(() => {
      [a, b] = stores();
    });

    const life: LedgerEntry[] = [
      job({ id: "", queuedAt: 10 }),
      job({ id: "", state: "running", worker: "w1", startedAt: 20, progress: 7 }),
      job({ id: "", state: "retrying", error: { code: "handler_failed", message: "no" } }),
      job({ id: "", state: "running", attempt: 2, worker: "w2", startedAt: 30, progress: { step: [] } }),
      job({ id: "", state: "done", attempt: 2, result: { big: 0.1 + 0.2, list: [], nothing: null }, endedAt: 40 }),
    ];

    test("what is recorded is read as it was by another", async () => {
      const entry = job({
        id: "whole",
        state: "failed",
        attempt: 3,
        progress: 0.5,
        error: { code: "handler_failed", message: "žádný" },
        worker: "w",
        queuedAt: 1_763_696_615_123.5,
        startedAt: 2,
        endedAt: 3,
      });
      await a.ledger.record([entry]);
      expect(await b.ledger.get("ann", "whole")).toEqual(entry);
    });

    test("the same id of another user, of no user, and of none is another job", async () => {
      await a.ledger.record([job({ id: "same", event: "x" }), job({ id: "same", user: undefined, event: "y" })]);
      expect(await b.ledger.get("ann", "same")).toMatchObject({ user: "ann", event: "x" });
      const anonymous = await b.ledger.get(undefined, "same");
      expect(anonymous).toMatchObject({ event: "y" });
      expect(anonymous).not.toHaveProperty("user");
      expect(await b.ledger.get("bob", "same")).toBeUndefined();
    });

    test("a job's entries give the same in any order, in one batch or in many", async () => {
      const orders = permutations(life);
      const batches = orders.map((order, index) => order.map((entry) => ({ ...entry, id: `order-${index}` })));
      await a.ledger.record(batches.slice(0, 60).flat());
      for (let step = 0; step < life.length; step++)
        await a.ledger.record(batches.slice(60).flatMap((batch) => batch[step] ?? []));
      for (const index of orders.keys())
        expect(await b.ledger.get("ann", `order-${index}`)).toEqual({
          ...life.at(-1),
          id: `order-${index}`,
          queuedAt: 10,
          startedAt: 30,
          worker: "w2",
          progress: { step: [] },
        });
    });

    test("an end stays, whatever comes late", async () => {
      await a.ledger.record([job({ id: "end", state: "done", attempt: 2, result: 1 })]);
      await b.ledger.record([
        job({ id: "end", state: "running", attempt: 3, progress: 5 }),
        job({ id: "end", state: "failed", attempt: 3, error: { code: "x", message: "y" } }),
        job({ id: "end", state: "cancelled", attempt: 3 }),
      ]);
      expect(await a.ledger.get("ann", "end")).toEqual(job({ id: "end", state: "done", attempt: 2, result: 1 }));
    });

    test("a dead letter that was put back and succeeded is done", async () => {
      await a.ledger.record([
        job({ id: "redriven", state: "failed", attempt: 5, error: { code: "x", message: "y" }, endedAt: 1 }),
        job({ id: "redriven", state: "done", result: "ok", endedAt: 2 }),
      ]);
      expect(await b.ledger.get("ann", "redriven")).toEqual(
        job({ id: "redriven", state: "done", result: "ok", endedAt: 2 }),
      );
    });

    test("of equal rank the later wins", async () => {
      await a.ledger.record([
        job({ id: "progress", state: "running", progress: 1 }),
        job({ id: "progress", state: "running", progress: 2 }),
      ]);
      await a.ledger.record([job({ id: "progress", state: "running", progress: 0 })]);
      expect(await b.ledger.get("ann", "progress")).toMatchObject({ progress: 0 });
    });

    test("a result too large to keep, and one that is no JSON, are left out", async () => {
      await a.ledger.record([
        job({ id: "large", state: "done", result: "x".repeat(20_000) }),
        job({ id: "odd", state: "done", result: { big: 1n } }),
      ]);
      expect(await b.ledger.get("ann", "large")).toEqual(job({ id: "large", state: "done" }));
      expect(await b.ledger.get("ann", "odd")).toEqual(job({ id: "odd", state: "done" }));
    });

    test("the overview shows what waits and runs, oldest first, and what is finished, newest first", async () => {
      const of = (id: string, rest: Partial<LedgerEntry>) => job({ id, pool: "overview", ...rest });
      await a.ledger.record(
        [
          of("q2", { queuedAt: 20 }),
          of("q1", { queuedAt: 10 }),
          of("q3", { queuedAt: 30, state: "retrying", attempt: 2 }),
          of("r2", { state: "running", startedAt: Date.now() }),
          of("r1", { state: "running", startedAt: Date.now() - 1000 }),
          of("f1", { state: "done", endedAt: Date.now() - 2000 }),
          of("f3", { state: "failed", endedAt: Date.now() }),
          of("f2", { state: "cancelled", endedAt: Date.now() - 1000 }),
        ].map((entry) => (entry.queuedAt === undefined ? entry : { ...entry, queuedAt: Date.now() + entry.queuedAt })),
      );
      const ids = (entries: LedgerEntry[]) => entries.map(({ id }) => id);
      const all = await b.ledger.overview("overview", 10);
      expect(all.waiting).toBe(3);
      expect(ids(all.queued)).toEqual(["q1", "q2", "q3"]);
      expect(ids(all.running)).toEqual(["r1", "r2"]);
      expect(ids(all.finished)).toEqual(["f3", "f2", "f1"]);

      await b.ledger.record([
        of("q1", { state: "running", startedAt: Date.now() + 1000 }),
        of("r1", { state: "done", endedAt: Date.now() + 1000 }),
      ]);
      const some = await a.ledger.overview("overview", 1);
      expect(some.waiting).toBe(2);
      expect(ids(some.queued)).toEqual(["q2"]);
      expect(ids(some.running)).toEqual(["r2"]);
      expect(ids(some.finished)).toEqual(["r1"]);
      expect(await a.ledger.overview("nobody's", 5)).toEqual({ waiting: 0, queued: [], running: [], finished: [] });
      expect(await a.ledger.overview("overview", 0)).toMatchObject({ waiting: 2, queued: [] });
    });

    test("of more finished jobs of a pool than are kept the oldest are forgotten", async () => {
      const at = Date.now();
      const entries = Array.from({ length: finished + 100 }, (_, index) =>
        job({ id: `f${index}`, pool: "capped", state: "done", endedAt: at - 2 * finished + index }),
      );
      for (let from = 0; from < entries.length; from += 1000) await a.ledger.record(entries.slice(from, from + 1000));
      expect(await b.ledger.get("ann", "f0")).toBeUndefined();
      expect(await b.ledger.get("ann", "f99")).toBeUndefined();
      expect(await b.ledger.get("ann", "f100")).toBeDefined();
      expect((await b.ledger.overview("capped", 1)).finished).toMatchObject([{ id: `f${finished + 99}` }]);
    });

    test("a cancellation is seen by another, for that user's job only", async () => {
      await a.ledger.requestCancel("ann", "c1");
      await a.ledger.requestCancel(undefined, "c2");
      expect(await b.ledger.cancelRequested("ann", "c1")).toBe(true);
      expect(await b.ledger.cancelRequested("bob", "c1")).toBe(false);
      expect(await b.ledger.cancelRequested(undefined, "c2")).toBe(true);
      expect(await b.ledger.cancelRequested("ann", "c2")).toBe(false);
    });

    test("an empty batch is nothing", async () => expect(await a.ledger.record([])).toBeUndefined());

    test.each(NAMES)("a name %s is kept", async (_what, text) => {
      const entry = job({ id: text, user: text, event: text, pool: text });
      await a.ledger.record([entry]);
      expect(await b.ledger.get(text, text)).toEqual(entry);
      expect((await b.ledger.overview(text, 5)).queued).toEqual([entry]);
    });
  });
};
