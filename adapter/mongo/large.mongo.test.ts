import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { MongoClient, type Db } from "mongodb";
import { Registry } from "prom-client";
import { silentLog } from "#process";
import { eventually, sharedServer } from "#testing";
import { busMetrics } from "../metrics.ts";
import { createTopics } from "../topics.ts";
import { hearDocuments } from "./hear.ts";
import { createLarge } from "./large.ts";

describe("large messages", () => {
  let stack: AsyncDisposableStack;
  let db: Db;
  let collection: string;

  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    const client = new MongoClient((await sharedServer("mongo", import.meta.filename)).uri);
    stack.defer(() => client.close());
    db = client.db("realtime");
    collection = `large-${randomUUID()}`;
  });
  afterEach(() => stack.disposeAsync());

  const open = (keptMs?: number) =>
    stack.use(
      createLarge({
        db: () => db,
        collection,
        id: randomUUID,
        log: silentLog(),
        ...(keptMs === undefined ? {} : { keptMs }),
      }),
    );

  test("lie in pieces and are put together", async () => {
    const large = open();
    const message = Buffer.alloc((8 << 20) + 5, 7).fill(9, 8 << 20);
    const ref = await large.put(message);
    expect(ref.pieces).toBe(2);
    expect(Buffer.compare((await large.fetch(ref)) ?? Buffer.alloc(0), message)).toBe(0);
    expect(await large.fetch({ ...ref, pieces: 3 })).toBeUndefined();
  });

  test("are taken away after a while", async () => {
    const large = open(100);
    await large.put(Buffer.from("x"));
    await eventually(async () => expect(await db.collection(collection).countDocuments()).toBe(0));
  });

  test("of a document are handed on in their place; one that is gone is counted, one for nobody is not fetched", async () => {
    const large = open();
    const registry = new Registry();
    const metrics = busMetrics(registry);
    const topics = createTopics({ metrics, log: silentLog() });
    const heard: string[] = [];
    topics.add("t", (message) => heard.push(Buffer.from(message).toString()));
    const hear = hearDocuments(topics, { large, metrics, log: silentLog() });
    const l = await large.put(Buffer.from("large"));
    const gone = { id: "gone", pieces: 1 };
    const small = (m: string) => ({ t: ["t"], m: Buffer.from(m) });
    await hear({ b: [small("a"), { t: ["t"], l }, { t: ["t"], l: gone }, { t: ["nobody"], l: gone }, small("b")] });
    expect(heard).toEqual(["a", "large", "b"]);
    expect(await registry.metrics()).toMatch(/realtime_bus_malformed_total 1\n/);
  });
});
