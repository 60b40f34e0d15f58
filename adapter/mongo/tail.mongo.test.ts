import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { MongoClient, type Db } from "mongodb";
import { silentLog } from "#process";
import { eventually, sharedServer } from "#testing";
import { startWay } from "../testing/way.ts";
import { connect } from "./connection.ts";
import { documentId } from "./sequences.ts";
import { openTail, type Tail } from "./tail.ts";

describe("the tail of a capped collection", () => {
  let stack: AsyncDisposableStack;
  let db: Db;
  let name: string;
  let way: Awaited<ReturnType<typeof startWay>>;
  let heard: unknown[];
  let overruns: number;

  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    const { uri } = await sharedServer("mongo", import.meta.filename);
    const client = new MongoClient(uri);
    stack.defer(() => client.close());
    db = client.db("realtime");
    name = `tail-${randomUUID()}`;
    way = stack.use(await startWay(uri));
    heard = [];
    overruns = 0;
  });
  afterEach(() => stack.disposeAsync());

  const open = async (id: () => string = randomUUID): Promise<Tail> => {
    const connection = stack.use(await connect(async () => ({ uri: way.uri }), { name: "test", log: silentLog() }));
    return stack.use(
      await openTail({
        connection,
        collection: name,
        id,
        heard: ({ n }) => {
          if (n !== undefined) heard.push(n);
          return undefined;
        },
        overrun: () => (overruns += 1),
        log: silentLog(),
        random: () => 0,
      }),
    );
  };
  // A connection of FerretDB's pool may not know yet of a table that was made a moment ago, and refuses.
  const insert = (...numbers: number[]) =>
    eventually(() => db.collection(name).insertMany(numbers.map((n) => ({ n }))));
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
  const make = (max?: number) =>
    db.createCollection(name, { capped: true, size: 1 << 24, ...(max === undefined ? {} : { max }) });

  test("a collection that is not there is made, capped", async () => {
    await open();
    expect(await db.listCollections({ name }).toArray()).toMatchObject([{ options: { capped: true, size: 64 << 20 } }]);
  });

  test("one that is not capped is refused with the way out", async () => {
    await db.createCollection(name);
    await expect(open()).rejects.toThrow(`the MongoDB collection ${name} is not capped: drop it`);
  });

  test("what was there before is not heard, all that comes after is, in its order", async () => {
    await make();
    await insert(...range(0, 700));
    await open();
    await insert(...range(700, 710));
    await insert(710);
    await eventually(() => expect(heard).toEqual(range(700, 711)));
  });

  test("a document that the cursor passed by, of a process that numbers its own, is heard in its turn, once", async () => {
    await open();
    const numbered = (...numbers: number[]) =>
      db.collection<{ _id: string; n: number }>(name).insertMany(numbers.map((n) => ({ _id: documentId("p", n), n })));
    await numbered(1);
    await numbered(4, 2, 3, 5);
    await numbered(7);
    await eventually(() => expect(heard).toEqual([1, 2, 3, 4, 5, 7]));
  });

  test.each([
    ["few", 20],
    ["more than reading begins before the end", 700],
  ])("%s documents inserted while the way was cut are heard once, in their order", async (_what, count) => {
    const tail = await open();
    await insert(0, 1, 2);
    await eventually(() => expect(heard).toHaveLength(3));
    way.cut();
    await eventually(() => expect(tail.connected()).toBe(false));
    await insert(...range(3, 3 + count));
    way.mend();
    await tail.live();
    await insert(3 + count);
    await eventually(() => expect(heard).toEqual(range(0, 4 + count)), { timeoutMs: 20_000 });
    expect(overruns).toBe(0);
    expect(tail.connected()).toBe(true);
  });

  test("where the place last seen is there no more, that is told, and what is left is heard", async () => {
    await make(5);
    const tail = await open();
    await insert(0, 1);
    await eventually(() => expect(heard).toEqual([0, 1]));
    way.cut();
    await eventually(() => expect(tail.connected()).toBe(false));
    await insert(...range(2, 12));
    await db.command({ compact: name, force: true });
    const left = await db.collection(name).find().toArray();
    way.mend();
    await tail.live();
    await eventually(() => expect(heard).toEqual([0, 1, ...left.map(({ n }) => n)]));
    expect(left.length).toBeLessThan(10);
    expect(overruns).toBe(1);
  });

  test("a collection that was dropped is made anew, and that is told", async () => {
    const tail = await open();
    await insert(0);
    await eventually(() => expect(heard).toEqual([0]));
    await db.dropCollection(name);
    await eventually(() => expect(overruns).toBe(1));
    await tail.live();
    await insert(1);
    await eventually(() => expect(heard).toEqual([0, 1]));
  });
});
