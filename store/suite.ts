import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Refusal } from "#crds";
import { eventually } from "#testing";
import type { LedgerEntry, Store } from "./port.ts";

/** A server of the suite's own, to be killed and started again at the same address. */
export interface StoreServer extends AsyncDisposable {
  open(cluster: string, node?: string): Promise<Store>;
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** A driver under test. */
export interface StoreSubject {
  /** Opens one more store on the server that all cases share. */
  open(cluster: string, node?: string): Promise<Store>;
  server(): Promise<StoreServer>;
  dispose?(): Promise<void>;
}

/** Names that a driver must take as they are. */
const NAMES = [
  ["plain", "lobby"],
  ["dotted", "a.b.c"],
  ["starred", "room:*"],
  ["braced", "{a}{b}"],
  ["with spaces, quotes and newlines", ` "a" 'b'\n`],
  ["with a NUL", "a\0b"],
  ["unicode", "žluťoučký 🐎 部屋"],
  ["like an object's own", "__proto__"],
  ["of 1,000 characters", "x".repeat(1000)],
] as const;

const job = (given: Partial<LedgerEntry> & { id: string }): LedgerEntry => ({
  user: "ann",
  pool: "chat",
  event: "chat:slow",
  state: "queued",
  attempt: 1,
  ...given,
});

const permutations = <T>(items: readonly T[]): T[][] =>
  items.length < 2
    ? [[...items]]
    : items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]));

const by =
  <T>(key: (item: T) => string) =>
  (a: T, b: T) =>
    key(a) < key(b) ? -1 : 1;

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

    describe("ledger", () => {
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
          ].map((entry) =>
            entry.queuedAt === undefined ? entry : { ...entry, queuedAt: Date.now() + entry.queuedAt },
          ),
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

      test("of more than 10,000 finished jobs of a pool the oldest are forgotten", async () => {
        const at = Date.now();
        const entries = Array.from({ length: 10_100 }, (_, index) =>
          job({ id: `f${index}`, pool: "capped", state: "done", endedAt: at - 20_000 + index }),
        );
        for (let from = 0; from < entries.length; from += 1000) await a.ledger.record(entries.slice(from, from + 1000));
        expect(await b.ledger.get("ann", "f0")).toBeUndefined();
        expect(await b.ledger.get("ann", "f99")).toBeUndefined();
        expect(await b.ledger.get("ann", "f100")).toBeDefined();
        expect((await b.ledger.overview("capped", 1)).finished).toMatchObject([{ id: "f10099" }]);
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

    describe("ids", () => {
      const mark = { gateway: "g", event: "chat:message" };

      test("an id goes from new over pending to taken, and the ack is kept as it was", async () => {
        const ack = { ok: true, id: "1", durable: true };
        expect(await a.ids.begin("ann/1", mark)).toEqual({ state: "new" });
        expect(await b.ids.begin("ann/1", { ...mark, event: "other" })).toEqual({
          state: "pending",
          event: "chat:message",
        });
        await a.ids.take("ann/1", ack);
        expect(await b.ids.begin("ann/1", mark)).toEqual({ state: "taken", event: "chat:message", ack });
      });

      test("of two that begin the same id at once exactly one finds it new", async () => {
        for (let round = 0; round < 50; round++) {
          const both = await Promise.all([a.ids.begin(`race/${round}`, mark), b.ids.begin(`race/${round}`, mark)]);
          expect(both.map(({ state }) => state).sort()).toEqual(["new", "pending"]);
        }
      });

      test("a refused id is new again, a taken one stays", async () => {
        await a.ids.begin("drop/1", mark);
        await b.ids.drop("drop/1");
        expect(await a.ids.begin("drop/1", mark)).toEqual({ state: "new" });
        await a.ids.take("drop/1", 1);
        await b.ids.drop("drop/1");
        expect(await a.ids.begin("drop/1", mark)).toMatchObject({ state: "taken", ack: 1 });
        await a.ids.drop("never begun");
      });

      test("an ack for a dropped mark is kept where the event is told, else not", async () => {
        await a.ids.take("late/1", 1);
        expect(await b.ids.begin("late/1", mark)).toEqual({ state: "new" });
        await a.ids.take("late/2", 1, "chat:message");
        expect(await b.ids.begin("late/2", mark)).toEqual({ state: "taken", event: "chat:message", ack: 1 });
      });

      test.each(NAMES)("a key %s is kept", async (_what, text) => {
        expect(await a.ids.begin(text, { gateway: text, event: text })).toEqual({ state: "new" });
        await a.ids.take(text, { text });
        expect(await b.ids.begin(text, mark)).toEqual({ state: "taken", event: text, ack: { text } });
      });
    });

    describe("presence", () => {
      test("connections are counted and limited per user over all nodes", async () => {
        expect(await a.presence.connect("a", "1", "limited", 2)).toEqual({ admitted: true, connections: 1 });
        expect(await b.presence.connect("b", "1", "limited", 2)).toEqual({ admitted: true, connections: 2 });
        expect(await b.presence.connect("b", "2", "limited", 2)).toEqual({ admitted: false, connections: 2 });
        expect(await b.presence.connect("b", "1", "limited", 2)).toEqual({ admitted: true, connections: 2 });
        expect((await a.presence.connections("limited")).sort(by(({ node }) => node))).toEqual([
          { node: "a", socket: "1" },
          { node: "b", socket: "1" },
        ]);
        expect(await a.presence.disconnect("a", "1")).toEqual({ connections: 1, left: [] });
        expect(await b.presence.connect("b", "2", "limited", 2)).toEqual({ admitted: true, connections: 2 });
        await b.presence.evict("b");
        expect(await a.presence.connections("limited")).toEqual([]);
      });

      test("of many that connect at once no more than the limit are let in", async () => {
        const tries = Array.from({ length: 20 }, (_, index) =>
          (index % 2 === 0 ? a : b).presence.connect("race", `s${index}`, "raced", 5),
        );
        expect((await Promise.all(tries)).filter(({ admitted }) => admitted)).toHaveLength(5);
        await a.presence.evict("race");
      });

      test("the first and the last of a user, and of a channel, are told over nodes and connections", async () => {
        const { presence } = a;
        for (const [node, socket, user] of [
          ["a", "1", "ann"],
          ["a", "2", "ann"],
          ["b", "1", "ann"],
          ["b", "2", "bob"],
        ] as const)
          await presence.connect(node, socket, user, 10);
        expect(await a.presence.enter("a", "1", "ann", "x")).toEqual({ firstOfUser: true, firstOfChannel: true });
        expect(await a.presence.enter("a", "1", "ann", "x")).toEqual({ firstOfUser: false, firstOfChannel: false });
        expect(await a.presence.enter("a", "2", "ann", "x")).toEqual({ firstOfUser: false, firstOfChannel: false });
        expect(await b.presence.enter("b", "1", "ann", "x")).toEqual({ firstOfUser: false, firstOfChannel: false });
        expect(await b.presence.enter("b", "2", "bob", "x")).toEqual({ firstOfUser: true, firstOfChannel: false });
        expect((await b.presence.users("x")).sort()).toEqual(["ann", "bob"]);
        expect(await b.presence.channels()).toEqual([{ channel: "x", connections: 4 }]);

        expect(await a.presence.leave("a", "1", "ann", "x")).toEqual({ lastOfUser: false, lastOfChannel: false });
        expect(await a.presence.leave("a", "1", "ann", "x")).toEqual({ lastOfUser: false, lastOfChannel: false });
        expect(await a.presence.leave("a", "2", "ann", "x")).toEqual({ lastOfUser: false, lastOfChannel: false });
        expect(await b.presence.leave("b", "1", "ann", "x")).toEqual({ lastOfUser: true, lastOfChannel: false });
        expect(await b.presence.leave("b", "2", "bob", "x")).toEqual({ lastOfUser: true, lastOfChannel: true });
        expect(await b.presence.users("x")).toEqual([]);
        expect(await b.presence.channels()).toEqual([]);
        await Promise.all([a.presence.evict("a"), b.presence.evict("b")]);
      });

      test("a disconnect leaves every channel and tells which the user is in no more", async () => {
        await a.presence.connect("a", "1", "ann", 10);
        await b.presence.connect("b", "1", "ann", 10);
        await b.presence.connect("b", "2", "bob", 10);
        for (const channel of ["alone", "both", "bobs"]) await a.presence.enter("a", "1", "ann", channel);
        await b.presence.enter("b", "1", "ann", "both");
        await b.presence.enter("b", "2", "bob", "bobs");
        const { connections, left } = await a.presence.disconnect("a", "1");
        expect(connections).toBe(1);
        expect(left.sort(by(({ channel }) => channel))).toEqual([
          { channel: "alone", user: "ann", lastOfChannel: true },
          { channel: "bobs", user: "ann", lastOfChannel: false },
        ]);
        expect(await a.presence.disconnect("a", "1")).toEqual({ connections: 0, left: [] });
        expect(await a.presence.users("bobs")).toEqual(["bob"]);
        await a.presence.evict("b");
      });

      test("a connection that is gone enters and leaves nothing", async () => {
        expect(await a.presence.enter("a", "ghost", "ann", "g")).toEqual({ firstOfUser: false, firstOfChannel: false });
        expect(await a.presence.leave("a", "ghost", "ann", "g")).toEqual({ lastOfUser: false, lastOfChannel: false });
        expect(await b.presence.users("g")).toEqual([]);
        expect(await b.presence.nodes()).toEqual([]);
      });

      test("what a node holds is told, and gone when it is evicted", async () => {
        await a.presence.connect("n1", "1", "ann", 10);
        await a.presence.connect("n1", "2", "bob", 10);
        await a.presence.connect("n2", "3", "ann", 10);
        for (const channel of ["x", "y"]) await a.presence.enter("n1", "1", "ann", channel);
        await a.presence.enter("n1", "2", "bob", "y");
        await a.presence.enter("n2", "3", "ann", "y");
        expect((await b.presence.nodes()).sort()).toEqual(["n1", "n2"]);
        const held = (await b.presence.held("n1")).map((it) => ({ ...it, channels: it.channels.sort() }));
        expect(held.sort(by(({ socket }) => socket))).toEqual([
          { socket: "1", user: "ann", channels: ["x", "y"] },
          { socket: "2", user: "bob", channels: ["y"] },
        ]);
        const { sockets, left } = await b.presence.evict("n1");
        expect(sockets.sort(by(({ socket }) => socket))).toEqual([
          { socket: "1", user: "ann" },
          { socket: "2", user: "bob" },
        ]);
        expect(left.sort(by(({ channel }) => channel))).toEqual([
          { channel: "x", user: "ann", lastOfChannel: true },
          { channel: "y", user: "bob", lastOfChannel: false },
        ]);
        expect(await a.presence.held("n1")).toEqual([]);
        expect(await a.presence.nodes()).toEqual(["n2"]);
        expect(await a.presence.evict("n1")).toEqual({ sockets: [], left: [] });
        await a.presence.evict("n2");
        expect(await a.presence.channels()).toEqual([]);
      });

      test("of two that evict a node at once exactly one gets what it held", async () => {
        const size = 1200;
        const sockets = Array.from({ length: size }, (_, index) => `s${index}`);
        await Promise.all(sockets.map((socket) => a.presence.connect("dead", socket, `u-${socket}`, 10)));
        await Promise.all(sockets.map((socket) => a.presence.enter("dead", socket, `u-${socket}`, "raced")));
        const both = await Promise.all([a.presence.evict("dead"), b.presence.evict("dead")]);
        const counts = both.map((it) => [it.sockets.length, it.left.length]).sort(([x = 0], [y = 0]) => x - y);
        expect(counts).toEqual([
          [0, 0],
          [size, size],
        ]);
        expect(both.flatMap(({ left }) => left).filter(({ lastOfChannel }) => lastOfChannel)).toHaveLength(1);
        expect(await a.presence.nodes()).toEqual([]);
        expect(await a.presence.channels()).toEqual([]);
      });

      test("a node that another evicted is told", async () => {
        let told = 0;
        const listening = a.onLost(() => told++);
        await a.presence.connect("node-a", "1", "ann", 10);
        await b.presence.evict("node-a");
        await eventually(() => expect(told).toBe(1), { timeoutMs: 20_000 });
        listening[Symbol.dispose]();
      });

      test.each(NAMES)("a user and a channel %s are kept", async (_what, text) => {
        await a.presence.connect("n", "1", text, 10);
        expect(await a.presence.enter("n", "1", text, text)).toEqual({ firstOfUser: true, firstOfChannel: true });
        expect(await b.presence.users(text)).toEqual([text]);
        expect(await b.presence.channels()).toEqual([{ channel: text, connections: 1 }]);
        expect(await b.presence.connections(text)).toEqual([{ node: "n", socket: "1" }]);
        expect(await b.presence.held("n")).toEqual([{ socket: "1", user: text, channels: [text] }]);
        expect(await b.presence.evict("n")).toEqual({
          sockets: [{ socket: "1", user: text }],
          left: [{ channel: text, user: text, lastOfChannel: true }],
        });
      });
    });

    describe("revocations", () => {
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

    describe("history", () => {
      const entry = (id: string, ...args: unknown[]) => ({ id, event: "e", args, at: Number(id) });
      const keep = { maxMessages: 3, ttlSeconds: 60 };

      test("the newest are kept, told oldest first", async () => {
        for (const id of ["1", "2", "3", "4"]) await a.history.append("h", entry(id, { text: id }), keep);
        expect(await b.history.last("h", 10)).toEqual(["2", "3", "4"].map((id) => entry(id, { text: id })));
        expect(await b.history.last("h", 1)).toEqual([entry("4", { text: "4" })]);
        expect(await b.history.last("h", 0)).toEqual([]);
        expect(await b.history.last("unknown", 10)).toEqual([]);
      });

      test("binary arguments stay binary, JSON stays as it was", async () => {
        const bytes = new Uint8Array([0, 124, 255]);
        await a.history.append("bin", entry("1", bytes, { a: [null, 0.1 + 0.2, [], {}] }), keep);
        const [found] = await b.history.last("bin", 1);
        const [binary, json] = found?.args ?? [];
        expect(binary instanceof Uint8Array && [...binary]).toEqual([...bytes]);
        expect(json).toEqual({ a: [null, 0.1 + 0.2, [], {}] });
      });

      test("what is older than its time is not told", async () => {
        await a.history.append("ttl", entry("1"), { maxMessages: 10, ttlSeconds: 1 });
        await a.history.append("ttl", entry("2"), keep);
        await eventually(async () => expect(await b.history.last("ttl", 10)).toEqual([entry("2")]));
      });

      test.each(NAMES)("a channel %s is kept", async (_what, text) => {
        await a.history.append(text, entry("1", text), keep);
        expect(await b.history.last(text, 5)).toEqual([entry("1", text)]);
      });
    });

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
  });
};
