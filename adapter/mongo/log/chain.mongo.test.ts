import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { MongoClient, type Db } from "mongodb";
import { silentLog } from "#process";
import { sharedServer } from "#testing";
import { createChain } from "./chain.ts";
import { prepareCollection } from "./collection.ts";
import { idOf, type Head, type LogDocument } from "./document.ts";

const SIZE = 1 << 20;

/** What an insert behind `end` leaves where somebody has just dropped the collection: one that is not capped. */
const leftBehind = ({ id, epoch, next }: Head): LogDocument[] => [
  { _id: id, w: "", n: next, t: 0, b: [] },
  { _id: idOf(epoch, next), w: "another", n: next + 1, t: 1, b: [Buffer.from("x")] },
];

describe("a log's collection that an insert made again", () => {
  let client: MongoClient;
  let db: Db;
  let collection: string;
  let named = 0;
  const name = () => `test.${(named += 1)}`;

  beforeEach(async () => {
    client = new MongoClient((await sharedServer("mongo", import.meta.filename)).uri);
    db = client.db("realtime");
    collection = `chain-${randomUUID()}`;
  });
  afterEach(() => client.close());

  const remade = async () => {
    const chain = createChain({ db: () => db, collection, size: SIZE, name, log: silentLog() });
    const end = await chain.look();
    await db.collection(collection).drop();
    await db.collection<LogDocument>(collection).insertMany(leftBehind(end));
    return { chain, end };
  };

  test.each(["look", "pass"] as const)("is made anew by whoever meets it with `%s`, in a new epoch", async (verb) => {
    const { chain, end } = await remade();
    const { epoch } = await chain[verb](end);
    expect(epoch > end.epoch).toBe(true);
    expect(await db.collection(collection).isCapped()).toBe(true);
  });

  test("is dropped once: what one of many who prepare it puts into the new one stays", async () => {
    const { end } = await remade();
    const documents = db.collection<LogDocument>(collection);
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        const self = name();
        await prepareCollection({ db, name: collection, size: SIZE, self });
        await documents.insertOne({ _id: self, w: self, n: 1, t: 0, b: [] });
      }),
    );
    expect(await documents.countDocuments({ _id: { $regex: /^test/ } })).toBe(8);
    expect(await documents.findOne({ _id: end.id })).toBeNull();
  });

  test("is dropped by another, where whoever claimed that is gone", async () => {
    await remade();
    await db.collection<{ _id: string; w: string }>(collection).insertOne({ _id: "!", w: "gone" });
    await prepareCollection({ db, name: collection, size: SIZE, self: name() });
    expect(await db.collection(collection).isCapped()).toBe(true);
  }, 30_000);
});
