import { describe, expect, test } from "@jest/globals";
import { channelRoom, userRoom } from "#crds";
import { eventually } from "#testing";
import type { DriverUnderTest } from "../testing/drivers.ts";
import { roomTopic } from "../cluster-message.ts";
import { type Fixture } from "./fixture.ts";
import { takenIn } from "./order.ts";

export const emitters = (get: () => Fixture, { promises }: DriverUnderTest): void => {
  describe("a process that is no gateway", () => {
    test("emits to a channel, to a user, to everyone, with binary", async () => {
      const { delivery, settleEmitter } = get();
      const emitter = delivery.emitter();
      emitter.to("lobby").emit("a", 1);
      emitter.toUser("ben").emit("b", { bytes: Buffer.from([1, 2]), when: new Date(0), nothing: undefined });
      emitter.broadcast().emit("c");
      const told = [["a", 1], ["c"]];
      const personal = ["b", { bytes: Buffer.from([1, 2]), when: "1970-01-01T00:00:00.000Z" }];
      expect(await settleEmitter()).toEqual({ anna: told, ben: [told[0], personal, told[1]] });
    });
    test("joins a user to a channel and takes him out", async () => {
      const { delivery, settleEmitter } = get();
      const emitter = delivery.emitter();
      emitter.join("ben", "club");
      emitter.to("club").emit("a");
      emitter.leave("ben", "club");
      emitter.to("club").emit("b");
      expect(await settleEmitter()).toEqual({ anna: [], ben: [["a"]] });
    });
    test("disconnects a user", async () => {
      const { one, delivery } = get();
      const guest = await one.client("guest", [userRoom("guest")]);
      const gone = new Promise<void>((resolve) => guest.socket.once("disconnect", () => resolve()));
      delivery.emitter().disconnect("guest");
      await gone;
    });
    test("loses nothing that it said before it closes", async () => {
      const { cluster, anna, ben, settle } = get();
      const { delivery: brief } = await cluster.delivery();
      for (let index = 0; index < 500; index += 1) brief.emitter().to("lobby").emit("n", index);
      await brief[Symbol.asyncDispose]();
      for (const { heard } of [anna, ben])
        await eventually(() => expect(heard.filter(([event]) => event === "n")).toHaveLength(500));
      expect((await settle()).anna).toHaveLength(500);
    });
    test("refuses socket.io's own events", () => {
      const { delivery } = get();
      expect(() => delivery.emitter().broadcast().emit("connect")).toThrow("reserved");
    });
    test("hears what is said to a channel and to a user, until it stops listening", async () => {
      const { two, delivery, settle } = get();
      const heard: unknown[] = [];
      const toChannel = await delivery.listener.listen("lobby", (event, args) => heard.push(["lobby", event, ...args]));
      const toUser = await delivery.listener.listenUser("ben", (event, args) => heard.push(["ben", event, ...args]));
      await two.ask("emit", { rooms: [channelRoom("lobby")], event: "a", args: [1], binary: [7] });
      await two.ask("emit", { rooms: [channelRoom("lobby"), "more"], event: "b" });
      await two.ask("emit", { rooms: ["more"], event: "not heard" });
      await two.ask("emit", { rooms: [userRoom("ben")], event: "c" });
      await eventually(() => expect(heard).toHaveLength(3));
      delivery.emitter().to("lobby").emit("own");
      await eventually(() => expect(heard).toHaveLength(4));
      expect(heard).toEqual([
        ["lobby", "a", 1, Buffer.from([7])],
        ["lobby", "b"],
        ["ben", "c"],
        ["lobby", "own"],
      ]);
      await Promise.all([toChannel[Symbol.asyncDispose](), toUser[Symbol.asyncDispose]()]);
      await two.ask("emit", { rooms: [channelRoom("lobby")], event: "later" });
      await settle(two);
      expect(heard).toHaveLength(4);
    });
  });

  if (!promises.json) return;
  test("JSON of a publisher without our encoding reaches clients; of a newer version it is counted", async () => {
    const { one, delivery, registry, settleEmitter } = get();
    const say = (room: string, said: object) =>
      delivery.bus.publish(roomTopic("/", room), Buffer.from(JSON.stringify(said)));
    const heard: unknown[] = [];
    await using hearing = new AsyncDisposableStack();
    await takenIn(delivery);
    hearing.use(await delivery.listener.listen("lobby", (event, args) => heard.push([event, ...args])));
    say("one", { v: 2, rooms: ["one"], event: "newer" });
    say("one", { v: 1, rooms: ["one"], event: "a", args: [{ text: "ü" }] });
    say("c:lobby", { v: 1, rooms: ["c:lobby"], except: ["one"], event: "b", more: true });
    expect(await settleEmitter()).toEqual({ anna: [["a", { text: "ü" }]], ben: [["b"]] });
    expect(heard).toEqual([["b"]]);
    expect(String(await one.ask("metrics"))).toMatch(/realtime_bus_malformed_total [1-9]/);
    expect(await registry.metrics()).toMatch(/realtime_bus_received_total [1-9]/);
  });
};
