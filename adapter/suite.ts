import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Registry } from "prom-client";
import { channelRoom, replyTopic, userRoom } from "#crds";
import { eventually } from "#testing";
import type { LogLimits } from "./log/port.ts";
import type { Delivery } from "./port.ts";
import { testCluster, type TestClient, type TestCluster, type TestGateway } from "./testing/cluster.ts";

const text = (message: Uint8Array): string => Buffer.from(message).toString();

/** What every driver must do, with two gateways as processes, real clients, and this process as one that is no gateway. */
export const deliverySuite = (
  driver: "redis" | "zeromq",
  server: () => Promise<{ uri: string } & AsyncDisposable>,
  recovery?: LogLimits,
) => {
  const stack = new AsyncDisposableStack();
  let cluster: TestCluster;
  let one: TestGateway;
  let two: TestGateway;
  let delivery: Delivery;
  let registry: Registry;
  let anna: TestClient;
  let ben: TestClient;
  let lastMark = 0;

  beforeAll(async () => {
    const { uri } = stack.use(await server());
    cluster = stack.use(testCluster(driver, uri, { silentMs: 1500, ...(recovery && { recovery }) }));
    [one, two, { delivery, registry }] = await Promise.all([cluster.gateway(), cluster.gateway(), cluster.delivery()]);
    await eventually(async () => {
      expect(await one.ask("nodes")).toBe(2);
      expect(await two.ask("nodes")).toBe(2);
    });
    anna = stack.use(await one.client("anna", [userRoom("anna"), channelRoom("lobby"), "one"]));
    ben = stack.use(await two.client("ben", [userRoom("ben"), channelRoom("lobby"), "two"]));
  });
  afterAll(() => stack.disposeAsync());

  /** Waits until what `gateway` has emitted so far is at both clients, and returns what they heard since. */
  const settle = async (gateway = one): Promise<{ anna: unknown[][]; ben: unknown[][] }> => {
    lastMark += 1;
    const mark = lastMark;
    await gateway.ask("emit", { event: "mark", args: [mark] });
    await eventually(() => {
      for (const { heard } of [anna, ben]) expect(heard).toContainEqual(["mark", mark]);
    });
    const take = ({ heard }: TestClient) => heard.splice(0).filter(([event]) => event !== "mark");
    return { anna: take(anna), ben: take(ben) };
  };
  /** The same for what this process emits. */
  const settleEmitter = async () => {
    lastMark += 1;
    const mark = lastMark;
    delivery.emitter().broadcast().emit("mark", mark);
    await eventually(() => {
      for (const { heard } of [anna, ben]) expect(heard).toContainEqual(["mark", mark]);
    });
    return settle();
  };

  describe("an emission of a gateway", () => {
    test("to everyone reaches clients of both gateways", async () => {
      await one.ask("emit", { event: "hello", args: [1, { deep: ["ü", null] }] });
      const said = [["hello", 1, { deep: ["ü", null] }]];
      expect(await settle()).toEqual({ anna: said, ben: said });
    });
    test("to a room reaches its members only, on any gateway", async () => {
      await one.ask("emit", { rooms: ["two"], event: "a" });
      await one.ask("emit", { rooms: ["one"], event: "b" });
      await one.ask("emit", { rooms: ["one", "two"], event: "c" });
      expect(await settle()).toEqual({ anna: [["b"], ["c"]], ben: [["a"], ["c"]] });
    });
    test("leaves out the rooms excepted", async () => {
      await one.ask("emit", { except: ["two"], event: "a" });
      await one.ask("emit", { rooms: [channelRoom("lobby")], except: ["one"], event: "b" });
      expect(await settle()).toEqual({ anna: [["a"]], ben: [["b"]] });
    });
    test("local stays at its gateway", async () => {
      await one.ask("emitFlagged", { flags: ["local"], event: "a" });
      expect(await settle()).toEqual({ anna: [["a"]], ben: [] });
    });
    test("volatile reaches clients that are ready to receive", async () => {
      await one.ask("emitFlagged", { flags: ["volatile"], event: "a" });
      expect(await settle()).toEqual({ anna: [["a"]], ben: [["a"]] });
    });
    test("may hold binary", async () => {
      await one.ask("emit", { rooms: ["two"], event: "bytes", args: [{ a: 1 }], binary: [0, 1, 255] });
      expect((await settle()).ben).toEqual([["bytes", { a: 1 }, Buffer.from([0, 1, 255])]]);
    });
    test("stays in its namespace, also in a dynamic one", async () => {
      using there = await one.client("carl", [], "/dynamic-1");
      using here = await two.client("dora", [], "/dynamic-1");
      await one.ask("emit", { nsp: "/dynamic-1", event: "inside" });
      await eventually(() => {
        expect(there.heard).toEqual([["inside"]]);
        expect(here.heard).toEqual([["inside"]]);
      });
      expect(await settle()).toEqual({ anna: [], ben: [] });
    });
  });

  test("a dynamic namespace that a gateway has closed is no longer asked there", async () => {
    const nsp = "/dynamic-2";
    using here = await one.client("carl", [], nsp);
    const there = await two.client("dora", [], nsp);
    await eventually(async () => expect(await one.ask("nodes", { nsp })).toBe(2));
    there.socket.disconnect();
    await eventually(async () => expect(await one.ask("nodes", { nsp })).toBe(1));
    expect(await one.ask("fetch", { nsp })).toHaveLength(1);
    expect(here.socket.connected).toBe(true);
  });

  describe("a question to clients", () => {
    test("collects the acks of several gateways", async () => {
      for (const [client, name] of [
        [anna, "anna"],
        [ben, "ben"],
      ] as const)
        client.socket.once("who", (ack: (name: string) => void) => ack(name));
      const names = await one.ask("ask", { event: "who" });
      expect(names).toHaveLength(2);
      expect(names).toEqual(expect.arrayContaining(["anna", "ben"]));
      await settle();
    });
    test("of which one does not answer ends by its timeout, with the answers there are", async () => {
      ben.socket.once("who", (ack: (name: string) => void) => ack("ben"));
      expect(await one.ask("askPartially", { event: "who", timeoutMs: 500 })).toEqual({
        error: "operation has timed out",
        responses: ["ben"],
      });
      await settle();
    });
  });

  describe("sockets of all gateways", () => {
    const names = (found: unknown) => (found as { name: string }[]).map(({ name }) => name).sort();
    test("are found, with rooms and data", async () => {
      expect(names(await one.ask("fetch"))).toEqual(["anna", "ben"]);
      expect(await one.ask("fetch", { rooms: ["two"] })).toEqual([
        { name: "ben", rooms: expect.arrayContaining(["two", userRoom("ben")]) },
      ]);
    });
    test("join and leave rooms", async () => {
      await one.ask("join", { rooms: ["two"], joined: "extra" });
      await one.ask("emit", { rooms: ["extra"], event: "a" });
      await one.ask("leave", { rooms: ["two"], joined: "extra" });
      await one.ask("emit", { rooms: ["extra"], event: "b" });
      expect(await settle()).toEqual({ anna: [], ben: [["a"]] });
    });
    test("join, are told, leave in program order, the gateway's own too", async () => {
      await one.ask("joinAndTell", { rooms: [channelRoom("lobby")], joined: "brief" });
      expect(await settle()).toEqual({ anna: [["told", 1]], ben: [["told", 1]] });
      expect(await one.ask("fetch", { rooms: ["brief"] })).toEqual([]);
    });
    test("are disconnected", async () => {
      const guest = await two.client("guest", ["guests"]);
      const gone = new Promise<void>((resolve) => guest.socket.once("disconnect", () => resolve()));
      await one.ask("disconnect", { rooms: ["guests"] });
      await gone;
    });
  });

  describe("gateways among themselves", () => {
    test("hear server-side emissions of others", async () => {
      await one.ask("serverSideEmit", { args: ["x", 1] });
      await eventually(async () => expect(await two.ask("serverSideHeard")).toEqual([["x", 1]]));
      expect(await one.ask("serverSideHeard")).toEqual([]);
    });
    test("answer them", async () => {
      expect(await one.ask("serverSideAsk")).toEqual([two.node]);
    });
  });

  describe("a process that is no gateway", () => {
    test("emits to a channel, to a user, to everyone, with binary", async () => {
      const emitter = delivery.emitter();
      emitter.to("lobby").emit("a", 1);
      emitter.toUser("ben").emit("b", { bytes: Buffer.from([1, 2]), when: new Date(0), nothing: undefined });
      emitter.broadcast().emit("c");
      const told = [["a", 1], ["c"]];
      const personal = ["b", { bytes: Buffer.from([1, 2]), when: "1970-01-01T00:00:00.000Z" }];
      expect(await settleEmitter()).toEqual({ anna: told, ben: [told[0], personal, told[1]] });
    });
    test("joins a user to a channel and takes him out", async () => {
      const emitter = delivery.emitter();
      emitter.join("ben", "club");
      emitter.to("club").emit("a");
      emitter.leave("ben", "club");
      emitter.to("club").emit("b");
      expect(await settleEmitter()).toEqual({ anna: [], ben: [["a"]] });
    });
    test("disconnects a user", async () => {
      const guest = await one.client("guest", [userRoom("guest")]);
      const gone = new Promise<void>((resolve) => guest.socket.once("disconnect", () => resolve()));
      delivery.emitter().disconnect("guest");
      await gone;
    });
    test("loses nothing that it said before it closes", async () => {
      const { delivery: brief } = await cluster.delivery();
      for (let index = 0; index < 500; index += 1) brief.emitter().to("lobby").emit("n", index);
      await brief[Symbol.asyncDispose]();
      await eventually(() => expect(ben.heard).toHaveLength(500));
      expect((await settle()).anna).toHaveLength(500);
    });
    test("refuses socket.io's own events", () => {
      expect(() => delivery.emitter().broadcast().emit("connect")).toThrow("reserved");
    });
    test("hears what is said to a channel and to a user, until it stops listening", async () => {
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

  describe("order", () => {
    const COUNT = 1000;
    const numbers = Array.from({ length: COUNT }, (_, index) => index);
    test("emissions and Bus messages of a gateway arrive as they were sent", async () => {
      const heard: string[] = [];
      await using hearing = new AsyncDisposableStack();
      hearing.use(
        await delivery.bus.subscribe(replyTopic("interleaved"), (message) => heard.push(`bus ${text(message)}`)),
      );
      hearing.use(await delivery.listener.listen("lobby", (_event, [index]) => heard.push(`emitted ${String(index)}`)));
      await one.ask("interleave", { rooms: [channelRoom("lobby")], event: "n", count: COUNT });
      await eventually(() => expect(heard).toHaveLength(2 * COUNT));
      if (recovery === undefined)
        expect(heard).toEqual(numbers.flatMap((index) => [`emitted ${index}`, `bus ${index}`]));
      // Beside a Log an answer comes behind what was emitted before it; what was emitted behind it may come first.
      for (const what of ["emitted", "bus"])
        expect(heard.filter((it) => it.startsWith(what))).toEqual(numbers.map((index) => `${what} ${index}`));
      for (const index of numbers)
        expect(heard.indexOf(`bus ${index}`)).toBeGreaterThan(heard.indexOf(`emitted ${index}`));
      expect((await settle()).ben).toEqual(numbers.map((index) => ["n", index]));
    });
    test("what a process that is no gateway emits, joins and leaves takes effect as called", async () => {
      const emitter = delivery.emitter();
      for (const index of numbers) {
        if (index % 2 === 0) emitter.join("ben", "flicker");
        else emitter.leave("ben", "flicker");
        emitter.to("flicker").emit("n", index);
      }
      expect((await settleEmitter()).ben).toEqual(
        numbers.filter((index) => index % 2 === 0).map((index) => ["n", index]),
      );
    });
  });

  describe("the job gate", () => {
    test("holds what is about a job from the socket whose ack is owed, and from it only", async () => {
      const emitter = delivery.emitter({ job: "anna/1" });
      await one.ask("hold", { event: "anna/1", joined: userRoom("anna") });
      emitter.to("lobby").emit("progress", 1);
      emitter.toUser("anna").emit("done");
      emitter.toUser("ben").emit("not for anna");
      delivery.emitter({ job: "anna/2" }).toUser("anna").emit("of another job");
      if (recovery === undefined)
        expect(await settleEmitter()).toEqual({
          anna: [["of another job"]],
          ben: [["progress", 1], ["not for anna"]],
        });
      // In the Log's order all that stands behind waits for it, too.
      else await eventually(() => expect(ben.heard).toEqual([["progress", 1], ["not for anna"]]));
      expect(anna.heard).toEqual([]);
      expect(await one.ask("release", { event: "anna/1" })).toBeGreaterThanOrEqual(1);
      emitter.toUser("anna").emit("later");
      expect((await settleEmitter()).anna).toEqual([
        ["ack", "anna/1"],
        ["progress", 1],
        ["done"],
        ...(recovery === undefined ? [] : [["of another job"]]),
        ["later"],
      ]);
    });
  });

  describe("the Bus", () => {
    test("delivers to every subscriber of the topic, the publisher's own too, bytes as they are", async () => {
      const heard: string[] = [];
      await using hearing = new AsyncDisposableStack();
      hearing.use(await delivery.bus.subscribe("topic", (message) => heard.push(`1 ${text(message)}`)));
      hearing.use(await delivery.bus.subscribe("topic", (message) => heard.push(`2 ${text(message)}`)));
      hearing.use(await delivery.bus.subscribe("topics", () => heard.push("other")));
      delivery.bus.publish("topic", new Uint8Array(Buffer.from("ä")));
      await eventually(() => expect(heard).toEqual(["1 ä", "2 ä"]));
    });
    test("foreign bytes on any topic end no gateway", async () => {
      for (const topic of ["io:/", "io-nodes", `io-answer:${one.node}`, "members"])
        for (const bytes of ["", "{", "{}", "\xc1", "\x98"]) delivery.bus.publish(topic, Buffer.from(bytes, "latin1"));
      await settleEmitter();
      expect(await one.ask("fetch")).toHaveLength(2);
    });
    test("a listener that throws is counted and harms nobody", async () => {
      const heard: string[] = [];
      await using hearing = new AsyncDisposableStack();
      hearing.use(
        await delivery.bus.subscribe("bad", () => {
          throw new Error("of the test");
        }),
      );
      hearing.use(await delivery.bus.subscribe("bad", (message) => heard.push(text(message))));
      delivery.bus.publish("bad", Buffer.from("x"));
      await eventually(() => expect(heard).toEqual(["x"]));
      expect(await registry.metrics()).toMatch(/realtime_bus_malformed_total [1-9]/);
    });
  });

  describe("membership", () => {
    test("everyone knows everyone", async () => {
      await eventually(async () => {
        for (const { ask } of [one, two])
          expect(await ask("members")).toEqual(expect.arrayContaining([one.node, two.node]));
      });
    });
    test("tells who was killed, and questions end without him", async () => {
      await using three = await cluster.gateway();
      await eventually(async () => expect(await one.ask("members")).toContain(three.node));
      await three.process.kill("SIGKILL");
      const asked = one.ask("fetch").catch((error: unknown) => String(error));
      await eventually(async () => expect(await one.ask("left")).toContainEqual({ node: three.node, goodbye: false }));
      expect(await one.ask("members")).not.toContain(three.node);
      await asked;
    });
  });
};
