import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { MongoClient, type Collection } from "mongodb";
import { Registry } from "prom-client";
import { silentLog } from "#process";
import { eventually, sharedServer, startServer } from "#testing";
import type { Following, OpenLog, Place } from "../log/port.ts";
import { logSuite } from "../log/suite.ts";
import { startWay } from "../testing/way.ts";
import { openMongoLog } from "./log/index.ts";

logSuite("mongo", openMongoLog, () => startServer("mongo"), { survives: true });

interface Followed extends Following {
  heard: string[];
  cuts: Place[];
}

describe("a log's collection", () => {
  let stack: AsyncDisposableStack;
  let way: Awaited<ReturnType<typeof startWay>>;
  let collection: Collection<{ _id: string; w: string }>;
  let cluster: string;
  let registry: Registry;

  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    const { uri } = await sharedServer("mongo", import.meta.filename);
    const client = new MongoClient(uri);
    stack.defer(() => client.close());
    way = stack.use(await startWay(uri));
    cluster = `log-${randomUUID()}`;
    collection = client.db("realtime").collection(`${cluster}.log`);
    registry = new Registry();
  });
  afterEach(() => stack.disposeAsync());

  const open = async (uri = way.uri): Promise<OpenLog> =>
    stack.use(
      await openMongoLog({
        cluster,
        node: "test",
        settings: async () => ({ uri }),
        log: silentLog(),
        registry,
        limits: { maxMessages: 1000, maxBytes: 1 << 20 },
      }),
    );
  const follow = async (log: OpenLog): Promise<Followed> => {
    const heard: string[] = [];
    const cuts: Place[] = [];
    const following = await log.follow("newest", {
      entries: (_epoch, entries) => heard.push(...entries.map(({ bytes }) => Buffer.from(bytes).toString())),
      cut: (to) => void cuts.push(to),
    });
    return { ...following, heard, cuts };
  };
  const say = (log: OpenLog, text: string) => log.append(Buffer.from(text));
  const lastOf = () => collection.findOne({}, { sort: { _id: -1 } });
  /** Two processes, each with a follower that has heard one entry. */
  const pair = async () => {
    const logs = [await open(), await open()] as const;
    const followers = [await follow(logs[0]), await follow(logs[1])] as const;
    const place = await say(logs[0], "0");
    for (const { heard } of followers) await eventually(() => expect(heard).toEqual(["0"]));
    return { logs, followers, place };
  };
  /** Both may append, and both hear it in one order. */
  const goesOn = async ({ logs, followers: [a, b], place }: Awaited<ReturnType<typeof pair>>) => {
    await eventually(async () => {
      await Promise.all(logs.map((log, at) => say(log, `new-${at}`)));
      await say(logs[0], "end");
      await eventually(() => expect([a.heard.at(-1), b.heard.at(-1)]).toEqual(["end", "end"]), { timeoutMs: 1000 });
    });
    expect(a.cuts.at(-1)?.epoch).not.toBe(place.epoch);
    expect(b.place()).toEqual(a.place());
  };
  /** That, and all are told once, of the same place. */
  const goesOnAnew = async (it: Awaited<ReturnType<typeof pair>>) => {
    await goesOn(it);
    const [a, b] = it.followers;
    expect(a.cuts).toHaveLength(1);
    expect(b.cuts).toEqual(a.cuts);
    expect(b.heard).toEqual(a.heard);
    expect(a.heard).toEqual(expect.arrayContaining(["new-0", "new-1"]));
  };

  test("dropped, is made anew, capped, in one new epoch, and everyone is told", async () => {
    const it = await pair();
    await collection.drop();
    await goesOnAnew(it);
    expect(await collection.isCapped()).toBe(true);
  });

  test("dropped and made by an insert, is made anew all the same", async () => {
    const it = await pair();
    way.cut();
    const last = await lastOf();
    await collection.drop();
    if (last !== null) await collection.insertOne(last);
    way.mend();
    // Two that make it anew at once may do so twice.
    await goesOn(it);
    expect(await collection.isCapped()).toBe(true);
  });

  test("that has lost its end: what is appended behind it is not taken, a new epoch begins, and everyone is told", async () => {
    const it = await pair();
    await collection.deleteOne({ _id: (await lastOf())?._id ?? "" });
    await expect(say(it.logs[0], "x")).rejects.toMatchObject({ code: "delivery_unavailable" });
    await goesOnAnew(it);
    for (const { heard } of it.followers) expect(heard).not.toContain("x");
  });

  test("in which another entry stands where one is lost: whoever has seen that begins a new epoch", async () => {
    const it = await pair();
    way.cut();
    for (const log of it.logs) await eventually(() => expect(log.connected()).toBe(false));
    const last = await lastOf();
    await collection.deleteOne({ _id: last?._id ?? "" });
    if (last !== null) await collection.insertOne({ ...last, w: "another's" });
    way.mend();
    await goesOnAnew(it);
  });

  test("that was overrun: whoever stood in what is gone is told up to where", async () => {
    const { logs, followers } = await pair();
    const [one] = logs;
    const other = await open((await sharedServer("mongo", import.meta.filename)).uri);
    way.cut();
    await eventually(() => expect(one.connected()).toBe(false));
    const places: Place[] = [];
    for (let at = 1; at < 6; at += 1) places.push(await say(other, String(at)));
    const all = await collection.find().sort({ _id: 1 }).toArray();
    for (const { _id } of all.slice(0, 5)) await collection.deleteOne({ _id });
    way.mend();
    for (const { heard, cuts } of followers) {
      await eventually(() => expect(heard).toEqual(["0", "3", "4", "5"]));
      expect(cuts).toEqual([places[1]]);
    }
  });

  test("with documents of a stranger: they are counted, and hold up nobody", async () => {
    const { logs, followers } = await pair();
    const junk: object[] = [{ t: "x" }, { _id: "zzz", b: 1 }, { _id: "~" }];
    for (const it of junk) await collection.insertOne(it as { _id: string; w: string });
    for (const log of logs) await say(log, "x");
    for (const { heard, cuts } of followers) {
      await eventually(() => expect(heard).toEqual(["0", "x", "x"]));
      expect(cuts).toEqual([]);
    }
    await eventually(async () => expect(await registry.metrics()).toMatch(/realtime_log_malformed_total [1-9]/));
  });

  test("that is not capped and holds something else, is refused with the way out", async () => {
    await collection.insertOne({ _id: "x" } as { _id: string; w: string });
    await expect(open()).rejects.toThrow(`the MongoDB collection ${cluster}.log is not capped: drop it`);
  });
});
