import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { join } from "node:path";
import { eventually } from "#testing";
import { runExample, type RunningExample } from "../examples/testing/run-example.ts";
import { startDriver, type Driver, type Transports } from "./driver.ts";
import { cacheOf, KINDS, type ClientKind, type KindName, type Skill } from "./kinds.ts";

jest.setTimeout(120_000);

/** Clients that scripts/test-clients.ts found. */
const names = (process.env["CLIENTS"] ?? Object.keys(KINDS).join(" ")).split(" ") as KindName[];
/** More than one only where sessions that are polled find their gateway. */
const GATEWAYS = Number(process.env["CLIENTS_GATEWAYS"] ?? 2);
const PATIENCE = { timeoutMs: 30_000 };

const bytes = (text: string) => ({ $binary: Buffer.from(text).toString("base64") });
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

let cluster: RunningExample;
let recoveringCluster: RunningExample;
const running = new AsyncDisposableStack();
beforeAll(async () => {
  cluster = running.use(
    await runExample("clients", {
      from: join(import.meta.dirname, "app"),
      edit: (resource) => resource.setIn(["spec", "gateway", "replicas"], GATEWAYS),
    }),
  );
  recoveringCluster = running.use(
    await runExample("recovering-clients", {
      from: join(import.meta.dirname, "app"),
      edit: (resource) => {
        resource.setIn(["spec", "gateway", "replicas"], GATEWAYS);
        resource.setIn(["spec", "gateway", "recovery"], { windowSeconds: 60 });
      },
    }),
  );
  const hasWorker = (pids: Record<string, number>) => Object.keys(pids).some((it) => it.includes("-worker-"));
  for (const it of [cluster, recoveringCluster]) await it.settled(hasWorker);
});
afterAll(() => running.disposeAsync());

interface Case {
  sentence: string;
  needs: readonly Skill[];
  run: (driver: Driver, url: string) => Promise<void>;
}

/** What must hold however a client's bytes travel. */
const cases = (way: string, transports: Transports, needs: readonly Skill[]): Case[] => [
  {
    sentence: `connects by ${way}, and is heard and answered in order`,
    needs: [...needs, "acks"],
    run: async (driver, url) => {
      const it = driver.open("a", url, { transports, auth: { word: "sesame" } });
      await it.connected();
      for (const n of numbers(100)) it.emit("echo", n, `${n} · ü 漢 😀`, [n], { n, none: null });
      await eventually(() => expect(it.events("echoed")).toHaveLength(100), PATIENCE);
      expect(it.events("echoed")).toEqual(numbers(100).map((n) => [n, `${n} · ü 漢 😀`, [n], { n, none: null }]));
      expect(await it.ask("answer", 1, "two")).toEqual([1, "two"]);
      expect(await it.ask("auth")).toEqual([{ word: "sesame" }]);
      await eventually(async () => expect(await it.ask("transport")).toEqual([transports.at(-1)]), PATIENCE);
      it.emit("question", 6, "seven");
      await eventually(() => expect(it.events("answered")).toEqual([[6, "seven"]]), PATIENCE);
      expect(await it.ask("sum:of", [1, 2, 3])).toEqual([{ ok: true, result: 6 }]);
    },
  },
  {
    sentence: `carries binary by ${way}, alone, nested, in acks, and a large text`,
    needs: [...needs, "binary", "acks"],
    run: async (driver, url) => {
      const it = driver.open("a", url, { transports });
      await it.connected();
      const nested = { list: [bytes("one"), 2], empty: bytes("") };
      it.emit("echo", bytes("alone"));
      it.emit("echo", nested, bytes("\0\u0001\u0002"));
      await eventually(() => expect(it.events("echoed")).toHaveLength(2), PATIENCE);
      expect(it.events("echoed")).toEqual([[bytes("alone")], [nested, bytes("\0\u0001\u0002")]]);
      expect(await it.ask("answer", nested)).toEqual([nested]);
      const large = "漢".repeat(100_000);
      expect(await it.ask("answer", large)).toEqual([large]);
    },
  },
];

const all: Case[] = [
  ...cases("polling", ["polling"], ["polling"]),
  ...cases("WebSocket", ["websocket"], ["websocket"]),
  ...cases("polling, then WebSocket", ["polling", "websocket"], ["polling", "websocket", "upgrade"]),
  {
    sentence: "says things while it upgrades, and none is lost, doubled or out of order",
    needs: ["polling", "websocket", "upgrade", "acks"],
    run: async (driver, url) => {
      const it = driver.open("a", url, { transports: ["polling", "websocket"] });
      await it.connected();
      let said = 0;
      await eventually(async () => {
        for (let n = 0; n < 5; n++) it.emit("echo", said++);
        expect(await it.ask("transport")).toEqual(["websocket"]);
      }, PATIENCE);
      for (let n = 0; n < 5; n++) it.emit("echo", said++);
      await eventually(() => expect(it.events("echoed")).toEqual(numbers(said).map((n) => [n])), PATIENCE);
    },
  },
  {
    sentence: "uses several namespaces over one connection, one of them dynamic, and is refused by one with its data",
    needs: ["websocket", "namespaces", "acks"],
    run: async (driver, url) => {
      const main = driver.open("main", url, {
        joining: [
          { as: "room", namespace: "/room-7" },
          { as: "closed", namespace: "/closed" },
        ],
      });
      const room = driver.socket("room");
      await Promise.all([main.connected(), room.connected()]);
      expect(await driver.socket("closed").refused()).toEqual({ code: "not_you" });
      room.emit("echo", "in the room");
      main.emit("echo", "in the main one");
      await eventually(() => {
        expect(room.events("echoed")).toEqual([["in the room"]]);
        expect(main.events("echoed")).toEqual([["in the main one"]]);
      }, PATIENCE);
      const closed = driver.open("let in", `${url}/closed`, { auth: { word: "sesame" } });
      await closed.connected();
      expect(await closed.ask("answer", 1)).toEqual([1]);
    },
  },
  {
    sentence: "hears what is said in its rooms, also what others say",
    needs: ["websocket", "polling", "acks"],
    run: async (driver, url) => {
      const here = driver.open("here", url, { transports: ["polling"] });
      const there = driver.open("there", url);
      const elsewhere = driver.open("elsewhere", url);
      await Promise.all([here, there, elsewhere].map((it) => it.connected()));
      for (const it of [here, there]) expect(await it.ask("enter", "kitchen")).toEqual([true]);
      there.emit("say", "kitchen", "hello", bytes("!"));
      for (const it of [here, there])
        await eventually(() => expect(it.events("said")).toEqual([["hello", bytes("!")]]), PATIENCE);
      expect(elsewhere.events("said")).toEqual([]);
    },
  },
  ...(["polling", "websocket"] as const).map((transport): Case => ({
    sentence: `comes back by itself when its connection is cut: ${transport}`,
    needs: [transport, `return:${transport}`, "acks"],
    run: async (driver, url) => {
      const it = driver.open("a", url, { transports: [transport], auth: { word: "sesame" } });
      await it.connected();
      it.emit("cut");
      await it.connected(2);
      expect(await it.ask("auth")).toEqual([{ word: "sesame" }]);
      it.emit("cut");
      await it.connected(3);
      expect(await it.ask("answer", "again")).toEqual(["again"]);
    },
  })),
  {
    sentence: "comes back by itself when its gateway is killed",
    needs: ["websocket", "reconnect", "acks"],
    run: async (driver, url) => {
      const it = driver.open("a", url);
      await it.connected();
      for (const instance of Object.keys(await cluster.pids()))
        if (instance.includes("-gateway-")) await cluster.killAndAwait(instance);
      await it.connected(2);
      expect(await it.ask("answer", "again")).toEqual(["again"]);
    },
  },
];

const PLACE = expect.stringMatching(/^[\w-]{1,16}\.[0-9a-z]{1,11}$/);

/** Against gateways with recovery. */
const recovering: Case[] = [
  {
    sentence: "is cut while others speak, is recovered, and misses nothing",
    needs: ["websocket", "recovery", "acks"],
    run: async (driver, url) => {
      const [it, other] = [driver.open("a", url), driver.open("b", url)];
      await Promise.all([it.connected(), other.connected()]);
      expect(await it.ask("enter", "kitchen")).toEqual([true]);
      for (const n of numbers(300)) {
        other.emit("say", "kitchen", n);
        if (n % 100 === 50) it.emit("cut");
        if (n % 100 === 99) await it.connected(2 + Math.floor(n / 100));
      }
      await eventually(() => expect(it.events("said")).toHaveLength(300), PATIENCE);
      expect(it.events("said")).toEqual(numbers(300).map((n) => [n, PLACE]));
      expect(it.recovered()).toEqual([false, true, true, true]);
      expect(it.events("recovery:lost")).toEqual([]);
    },
  },
  {
    sentence: "hears the place behind what events say, also with binary, and none where it declines",
    needs: ["websocket", "acks", "binary"],
    run: async (driver, url) => {
      const [it, plain] = [driver.open("a", url), driver.open("b", `${url}/?recovery=0`)];
      await Promise.all([it.connected(), plain.connected()]);
      for (const each of [it, plain]) expect(await each.ask("enter", "hall")).toEqual([true]);
      it.emit("say", "hall", "text", { n: 1 });
      plain.emit("say", "hall", bytes("binary"));
      it.emit("echo", "directly");
      await eventually(() => {
        expect(it.events("said")).toHaveLength(2);
        expect(plain.events("said")).toHaveLength(2);
        expect(it.events("echoed")).toEqual([["directly", PLACE]]);
      }, PATIENCE);
      expect(it.events("said")).toEqual(
        expect.arrayContaining([
          ["text", { n: 1 }, PLACE],
          [bytes("binary"), PLACE],
        ]),
      );
      expect(plain.events("said")).toEqual(expect.arrayContaining([["text", { n: 1 }], [bytes("binary")]]));
      expect(await it.ask("answer", "two")).toEqual(["two"]);
    },
  },
  ...(["polling", "websocket"] as const).map((transport): Case => ({
    sentence: `declines, and starts anew when its connection is cut: ${transport}`,
    needs: [transport, `return:${transport}`, "acks"],
    run: async (driver, url) => {
      const it = driver.open("a", `${url}/?recovery=0`, { transports: [transport] });
      await it.connected();
      expect(await it.ask("enter", "attic")).toEqual([true]);
      it.emit("cut");
      await it.connected(2);
      expect(it.recovered()).not.toContain(true);
      it.emit("say", "attic", "it is in no room");
      expect(await it.ask("enter", "attic")).toEqual([true]);
      it.emit("say", "attic", "it is again");
      await eventually(() => expect(it.events("said")).toEqual([["it is again"]]), PATIENCE);
      expect(it.events("recovery:lost")).toEqual([]);
    },
  })),
];

describe.each(names.map((name): [string, KindName, ClientKind] => [KINDS[name].name, name, KINDS[name]]))(
  "%s",
  (_title, name, { skills, driver: program }) => {
    let driver: Driver;
    beforeEach(() => void (driver = startDriver(program(cacheOf(name)))));
    afterEach(async () => driver[Symbol.asyncDispose]());

    const can = ({ needs }: Case) => needs.every((skill) => skills.includes(skill));
    for (const { sentence, run } of all.filter(can)) test(sentence, () => run(driver, cluster.url));
    describe("against gateways with recovery", () => {
      for (const { sentence, run } of recovering.filter(can)) test(sentence, () => run(driver, recoveringCluster.url));
    });
  },
);
