import { describe, expect, test } from "@jest/globals";
import { MEMBERS_TOPIC } from "#crds";
import { silentLog } from "#process";
import { eventually } from "#testing";
import { joinMembership } from "./membership.ts";
import type { Bus, Member } from "./port.ts";

/** A bus within this process that can be cut. */
const localBus = () => {
  const listeners = new Set<(message: Uint8Array) => void>();
  let up = true;
  const bus: Bus = {
    publish: (_topic, message) => {
      if (up) for (const listener of listeners) listener(message);
    },
    subscribe: async (_topic, listener) => {
      listeners.add(listener);
      return { [Symbol.asyncDispose]: async () => void listeners.delete(listener) };
    },
    connected: () => up,
  };
  return { bus, cut: () => (up = false), mend: () => (up = true) };
};

const member = (node: string): Member => ({ node, instance: node, role: "worker", pool: "chat" });
const quick = { log: silentLog(), everyMs: 30, silentMs: 150 };

describe("membership", () => {
  test("a newcomer and those who are there know each other; a goodbye is told as one", async () => {
    const { bus } = localBus();
    const left: [string, boolean][] = [];
    const joined: string[] = [];
    await using a = await joinMembership(bus, member("a"), { ...quick, silentMs: 60_000 });
    a.onJoin(({ node }) => joined.push(node));
    a.onLeave(({ node }, goodbye) => left.push([node, goodbye]));
    const b = await joinMembership(bus, member("b"), { ...quick, silentMs: 60_000 });
    await eventually(() => expect(b.members()).toEqual([member("b"), member("a")]));
    expect(a.members()).toEqual([member("a"), member("b")]);
    await b[Symbol.asyncDispose]();
    expect(joined).toEqual(["b"]);
    expect(left).toEqual([["b", true]]);
    expect(a.members()).toEqual([member("a")]);
  });

  test("who falls silent is told as gone without a goodbye", async () => {
    const { bus } = localBus();
    const left: [string, boolean][] = [];
    await using a = await joinMembership(bus, member("a"), quick);
    a.onLeave(({ node }, goodbye) => left.push([node, goodbye]));
    bus.publish(MEMBERS_TOPIC, Buffer.from(JSON.stringify({ v: 1, node: "b", what: "here", about: member("b") })));
    expect(a.members()).toHaveLength(2);
    await eventually(() => expect(left).toEqual([["b", false]]));
  });

  test("silence is a warning, but for a previous start of an instance that is back", async () => {
    const { bus } = localBus();
    const said: string[] = [];
    const log = Object.assign(silentLog(), {
      info: ({ node }: { node: string }) => void said.push(`info ${node}`),
      warn: ({ node }: { node: string }) => void said.push(`warn ${node}`),
    });
    await using _ = await joinMembership(bus, member("chat-gateway-0-new"), { ...quick, log });
    for (const node of ["chat-gateway-0-old", "chat-gateway-1-old"])
      bus.publish(MEMBERS_TOPIC, Buffer.from(JSON.stringify({ v: 1, node, what: "here", about: member(node) })));
    await eventually(() => expect(said.toSorted()).toEqual(["info chat-gateway-0-old", "warn chat-gateway-1-old"]));
  });

  test("who does not answer when asked is told, and nobody while the bus is away", async () => {
    const { bus, cut } = localBus();
    await using a = await joinMembership(bus, member("a"), quick);
    await using _ = await joinMembership(bus, member("b"), quick);
    expect(await a.silent(["a", "b"])).toEqual([]);
    expect(await a.silent(["a", "b", "c"])).toEqual(["c"]);
    cut();
    expect(await a.silent(["b", "c"])).toEqual([]);
  });

  test("nobody is gone because the bus is", async () => {
    let now = 0;
    const local = localBus();
    const left: string[] = [];
    const timing = { ...quick, clock: () => now };
    await using a = await joinMembership(local.bus, member("a"), timing);
    await using b = await joinMembership(local.bus, member("b"), timing);
    a.onLeave(({ node }) => left.push(node));
    await eventually(() => {
      expect(a.members()).toHaveLength(2);
      expect(b.members()).toHaveLength(2);
    });
    local.cut();
    const end = performance.now() + 300;
    await eventually(() => {
      now += 100;
      expect(performance.now()).toBeGreaterThan(end);
    });
    expect(a.members()).toHaveLength(2);
    local.mend();
    expect(b.members()).toHaveLength(2);
    expect(left).toEqual([]);
  });
});
