import { describe, expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import type { HubSocket } from "#link";
import { silentLog } from "#process";
import { busService } from "./index.ts";

const start = () => {
  const sent: [peer: string, header: unknown, body: string][] = [];
  const slow = new Set<string>();
  const registry = new Registry();
  const socket: HubSocket = {
    port: 0,
    epoch: "1",
    send: (peer, header, body = new Uint8Array(0)) => {
      if (slow.has(peer)) return false;
      sent.push([peer, header, Buffer.from(body).toString()]);
      return true;
    },
    [Symbol.asyncDispose]: async () => {},
  };
  const service = busService({ log: silentLog(), registry })(socket);
  const say = (peer: string, header: unknown, body = "") => service.onMessage(peer, header, Buffer.from(body));
  return { sent, slow, registry, service, say };
};

describe("the hub's bus", () => {
  test("answers a subscription, then forwards what is published to the topic, to the publisher too", () => {
    const { sent, say } = start();
    say("a", ["subscribe", 1, ["x", "y"]]);
    say("b", ["subscribe", 9, ["x"]]);
    say("b", "x", "1");
    say("b", "y", "2");
    say("b", "z", "3");
    expect(sent).toEqual([
      ["a", ["subscribed", 1], ""],
      ["b", ["subscribed", 9], ""],
      ["a", "x", "1"],
      ["b", "x", "1"],
      ["a", "y", "2"],
    ]);
  });
  test("forwards what is published to several topics once to each line", () => {
    const { sent, say } = start();
    say("a", ["subscribe", 1, ["x", "y"]]);
    say("b", ["subscribe", 1, ["y"]]);
    say("c", ["subscribe", 1, ["z"]]);
    sent.splice(0);
    say("d", ["publish", ["x", "y", 7]], "1");
    expect(sent).toEqual([
      ["a", ["publish", ["x", "y", 7]], "1"],
      ["b", ["publish", ["x", "y", 7]], "1"],
    ]);
  });
  test("forgets who unsubscribes and who is gone", () => {
    const { sent, service, say } = start();
    say("a", ["subscribe", 1, ["x", "y"]]);
    say("b", ["subscribe", 1, ["x"]]);
    sent.splice(0);
    say("a", ["unsubscribe", "x"]);
    service.onGone?.("b");
    say("c", "x", "1");
    say("c", "y", "2");
    expect(sent).toEqual([["a", "y", "2"]]);
  });
  test("counts what a slow line loses, and the others get it", async () => {
    const { sent, slow, registry, say } = start();
    say("a", ["subscribe", 1, ["x"]]);
    say("b", ["subscribe", 1, ["x"]]);
    sent.splice(0);
    slow.add("a");
    say("c", "x", "1");
    expect(sent).toEqual([["b", "x", "1"]]);
    expect(await registry.metrics()).toContain("realtime_hub_bus_dropped_total 1");
  });
  test.each([[null], [[]], [["subscribe", 1, "x"]], [["subscribe", 1, [7]]], [{ a: 1 }], [7], [["publish", 7]]])(
    "a header %j that it does not know harms nobody",
    (header) => {
      const { say, sent } = start();
      say("a", header);
      expect(sent.filter(([, said]) => typeof said === "string")).toEqual([]);
    },
  );
});
