import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { silentLog } from "#process";
import { eventually } from "#testing";
import type { MortalServer } from "../testing/drivers.ts";
import type { LogOptions } from "./open.ts";
import type { Following, LogLimits, OpenLog, Place } from "./port.ts";

const LIMITS: LogLimits = { maxMessages: 1000, maxBytes: 8 << 20 };
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const numbers = (from: number, count: number): string[] => Array.from({ length: count }, (_, at) => String(from + at));

interface Followed extends Following {
  heard: string[];
  places: Place[];
  cuts: Place[];
}

const followed = async (log: OpenLog, from: Place | "oldest" | "newest"): Promise<Followed> => {
  const heard: string[] = [];
  const places: Place[] = [];
  const cuts: Place[] = [];
  const following = await log.follow(from, {
    entries: (epoch, entries) => {
      for (const { index, bytes } of entries) {
        heard.push(text(bytes));
        places.push({ epoch, index });
      }
    },
    cut: (to) => void cuts.push(to),
  });
  return { ...following, heard, places, cuts };
};

/** What every Log must do; `survives`: its server comes back with what it had. */
export const logSuite = (
  name: string,
  open: (options: LogOptions) => Promise<OpenLog>,
  server: () => Promise<MortalServer>,
  { survives }: { survives: boolean },
) => {
  describe(`the log: ${name}`, () => {
    const stack = new AsyncDisposableStack();
    let mortal: MortalServer;
    beforeAll(async () => {
      mortal = stack.use(await server());
    });
    afterAll(() => stack.disposeAsync());

    const openOn = async (uri: string, cluster: string, limits = LIMITS): Promise<OpenLog> =>
      stack.use(
        await open({
          cluster,
          node: `test-${randomBytes(4).toString("hex")}`,
          settings: async () => ({ uri }),
          log: silentLog(),
          registry: new Registry(),
          limits,
        }),
      );
    const newCluster = () => `log-${randomBytes(4).toString("hex")}`;
    const pair = async (limits = LIMITS) => {
      const cluster = newCluster();
      return Promise.all([openOn(mortal.uri, cluster, limits), openOn(mortal.uri, cluster, limits)]);
    };
    const say = (log: OpenLog, said: readonly string[]) => Promise.all(said.map((it) => log.append(Buffer.from(it))));

    test("what two processes append every follower gets in one order, each entry once", async () => {
      const [one, two] = await pair();
      const [a, b] = await Promise.all([followed(one, "newest"), followed(two, "oldest")]);
      const [ones, twos] = await Promise.all([say(one, numbers(0, 400)), say(two, numbers(1000, 400))]);
      await eventually(() => {
        expect(a.heard).toHaveLength(800);
        expect(b.heard).toHaveLength(800);
      });
      expect(b.heard).toEqual(a.heard);
      expect(b.places).toEqual(a.places);
      expect(a.heard.filter((it) => Number(it) < 1000)).toEqual(numbers(0, 400));
      expect(a.heard.filter((it) => Number(it) >= 1000)).toEqual(numbers(1000, 400));
      for (const [at, place] of ones.entries()) expect(a.places[a.heard.indexOf(String(at))]).toEqual(place);
      expect(a.places.map(({ index }) => index)).toEqual(a.places.map(({ index }) => index).sort((x, y) => x - y));
      expect(twos).toHaveLength(400);
      expect(a.place()).toEqual(a.places.at(-1));
      expect([...a.cuts, ...b.cuts]).toEqual([]);
    });

    test("bytes arrive as they are, also many of them", async () => {
      const [one] = await pair();
      const heard: Uint8Array[] = [];
      await one.follow("newest", {
        entries: (_epoch, entries) => heard.push(...entries.map(({ bytes }) => new Uint8Array(bytes))),
        cut: () => {},
      });
      const sent = [Buffer.from([0, 255, 10, 13, 0]), randomBytes(5 << 20), Buffer.from("ü")];
      await Promise.all(sent.map((it) => one.append(it)));
      await eventually(() => expect(heard).toHaveLength(3));
      for (const [at, it] of sent.entries()) expect(Buffer.compare(it, heard[at] ?? Buffer.alloc(0))).toBe(0);
    });

    test("one follows from the oldest, from behind the newest, or from a place", async () => {
      const cluster = newCluster();
      const one = await openOn(mortal.uri, cluster);
      const places = await say(one, numbers(0, 10));
      const oldest = await followed(await openOn(mortal.uri, cluster), "oldest");
      expect(oldest.heard).toEqual(numbers(0, 10));
      const newest = await followed(await openOn(mortal.uri, cluster), "newest");
      expect(newest.place().epoch).toBe(places[9]?.epoch);
      expect(newest.place().index).toBeGreaterThanOrEqual(places[9]?.index ?? Infinity);
      const place = places[4] ?? { epoch: "", index: 0 };
      const some = await followed(await openOn(mortal.uri, cluster), place);
      expect(some.heard).toEqual(numbers(5, 5));
      await say(one, ["next"]);
      for (const it of [oldest, newest, some]) await eventually(() => expect(it.heard.at(-1)).toBe("next"));
      expect(newest.heard).toEqual(["next"]);
      expect([...oldest.cuts, ...newest.cuts, ...some.cuts]).toEqual([]);
    });

    test("clusters on one server do not see each other", async () => {
      const [one, two] = [await openOn(mortal.uri, newCluster()), await openOn(mortal.uri, newCluster())];
      const [mine, other] = [await followed(one, "oldest"), await followed(two, "oldest")];
      await say(one, ["mine"]);
      await eventually(() => expect(mine.heard).toEqual(["mine"]));
      await say(two, ["theirs"]);
      await eventually(() => expect(other.heard).toEqual(["theirs"]));
    });

    test.each([
      ["messages", { maxMessages: 50, maxBytes: 8 << 20 }, 10],
      ["bytes", { maxMessages: 1000, maxBytes: 50_000 }, 1000],
    ])("keeps the newest within its limit of %s, and whoever asks for more is told", async (_what, limits, length) => {
      const cluster = newCluster();
      const one = await openOn(mortal.uri, cluster, limits);
      const padded = (it: string) => it.padStart(length, "0");
      const places = await say(one, numbers(0, 200).map(padded));
      const oldest = await followed(await openOn(mortal.uri, cluster, limits), "oldest");
      expect(oldest.heard.length).toBeGreaterThanOrEqual(45);
      expect(oldest.heard.length).toBeLessThanOrEqual(55);
      expect(oldest.heard).toEqual(numbers(200 - oldest.heard.length, oldest.heard.length).map(padded));
      const place = places[10] ?? { epoch: "", index: 0 };
      const late = await followed(await openOn(mortal.uri, cluster, limits), place);
      expect(late.heard).toEqual(oldest.heard);
      expect(late.cuts).toEqual([places[199 - oldest.heard.length]]);
    });

    test("one that follows from another epoch is told, and goes on with what is there", async () => {
      const cluster = newCluster();
      const one = await openOn(mortal.uri, cluster);
      const [first] = await say(one, ["0", "1"]);
      const late = await followed(await openOn(mortal.uri, cluster), { epoch: "other", index: 77 });
      expect(late.cuts).toEqual([{ epoch: first?.epoch, index: 0 }]);
      expect(late.heard).toEqual(["0", "1"]);
    });

    test("a follower that throws is called again for what comes next", async () => {
      const [one] = await pair();
      const heard: string[] = [];
      await one.follow("newest", {
        entries: (_epoch, entries) => {
          heard.push(...entries.map(({ bytes }) => text(bytes)));
          throw new Error("of the test");
        },
        cut: () => {},
      });
      await say(one, ["0"]);
      await eventually(() => expect(heard).toEqual(["0"]));
      await say(one, ["1"]);
      await eventually(() => expect(heard).toEqual(["0", "1"]));
    });

    test("a server killed under load: refused while it is away; what is lost is told, and nothing else is missing, doubled or out of order", async () => {
      await using own = await server();
      const cluster = newCluster();
      const [one, two, three] = await Promise.all([0, 1, 2].map(() => openOn(own.uri, cluster)));
      if (one === undefined || two === undefined || three === undefined) throw new Error("unreachable");
      const [a, b] = await Promise.all([followed(two, "newest"), followed(three, "newest")]);
      const outcomes: Promise<Place | undefined>[] = [];
      let next = 0;
      const timer = setInterval(() => {
        for (let at = 0; at < 20; at += 1) {
          outcomes.push(one.append(Buffer.from(String(next))).catch(() => undefined));
          next += 1;
        }
      }, 2);
      stack.defer(() => clearInterval(timer));
      await eventually(() => expect(a.heard.length).toBeGreaterThan(200));
      await own.kill();
      await eventually(() => expect(one.connected()).toBe(false));
      await expect(one.append(Buffer.from("away"))).rejects.toMatchObject({ code: "delivery_unavailable" });
      await own.start();
      await eventually(() => expect(one.connected()).toBe(true), { timeoutMs: 20_000 });
      const before = next;
      await eventually(() => expect(Number(a.heard.at(-1))).toBeGreaterThan(before + 200), { timeoutMs: 20_000 });
      clearInterval(timer);
      const places = await Promise.all(outcomes);
      await say(one, ["end"]);
      await eventually(() => {
        expect(a.heard.at(-1)).toBe("end");
        expect(b.heard.at(-1)).toBe("end");
      });
      for (const { heard, cuts } of [a, b]) {
        const said = heard.slice(0, -1).map(Number);
        expect(said).toEqual([...new Set(said)].sort((x, y) => x - y));
        if (!survives) expect(cuts).toHaveLength(1);
        if (cuts.length > 0) continue;
        const seen = new Set(said);
        expect([...places.keys()].filter((at) => places[at] !== undefined && !seen.has(at))).toEqual([]);
      }
    });
  });
};
