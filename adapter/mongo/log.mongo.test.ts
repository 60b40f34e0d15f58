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
  /** A new epoch begins, everyone is told, and hears in one order what is acked in it. */
  const goesOnAnew = async ({ logs, followers: [a, b], place }: Awaited<ReturnType<typeof pair>>) => {
    const acked: (Place & { text: string })[] = [];
    const sayAll = (...texts: string[]) =>
      Promise.all(texts.map(async (text, at) => acked.push({ ...(await say(logs[at % 2] ?? logs[0], text)), text })));
    await eventually(async () => {
      await sayAll("new-0", "new-1");
      await sayAll("end");
      await eventually(() => expect([a.heard.at(-1), b.heard.at(-1)]).toEqual(["end", "end"]), { timeoutMs: 1000 });
      expect(a.place().epoch > place.epoch).toBe(true);
    });
    const { epoch } = a.place();
    const inIt = acked.filter((it) => it.epoch === epoch).sort((one, other) => one.index - other.index);
    for (const { cuts, heard, place: at } of [a, b]) {
      expect(cuts.at(-1)?.epoch).toBe(epoch);
      expect(at()).toEqual({ epoch, index: inIt.at(-1)?.index });
      expect(heard.slice(-inIt.length)).toEqual(inIt.map(({ text }) => text));
    }
  };

  test("dropped, is made anew, capped, in a new epoch, and everyone is told", async () => {
    const it = await pair();
    // FerretDB's SQLite may stay locked where a collection is dropped under a cursor.
    way.cut();
    for (const log of it.logs) await eventually(() => expect(log.connected()).toBe(false));
    await collection.drop();
    way.mend();
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
    await goesOnAnew(it);
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
