import { beforeAll, describe, expect, test } from "@jest/globals";
import { eventually } from "#testing";
import type { Store } from "../port.ts";
import { by, NAMES, type Stores } from "./fixture.ts";

/** Presence, as every driver keeps it. */
export const describePresence = (stores: Stores, many = 1200): void => {
  describe("presence", () => {
    let a: Store;
    let b: Store;
    beforeAll(() => {
      [a, b] = stores();
    });

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
      const sockets = Array.from({ length: many }, (_, index) => `s${index}`);
      await Promise.all(sockets.map((socket) => a.presence.connect("dead", socket, `u-${socket}`, 10)));
      await Promise.all(sockets.map((socket) => a.presence.enter("dead", socket, `u-${socket}`, "raced")));
      const both = await Promise.all([a.presence.evict("dead"), b.presence.evict("dead")]);
      const counts = both.map((it) => [it.sockets.length, it.left.length]).sort(([x = 0], [y = 0]) => x - y);
      expect(counts).toEqual([
        [0, 0],
        [many, many],
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
};
