import { setTimeout as sleep } from "node:timers/promises";
import type { Db } from "mongodb";
import { createCapped, infoOf, isCapped, notCapped } from "../capped.ts";
import { retried } from "../retried.ts";

/** Sorts before what a Log holds, so that nobody who follows it meets it. */
const CLAIM = "!";
const LOOK_MS = 50;
/** Whoever may drop it and has not in as long is gone. */
const GONE_MS = 5000;

/** It is there, and no insert has made it. */
export const isPrepared = async (db: Db, name: string): Promise<boolean> => {
  const info = await infoOf(db, name);
  return info !== undefined && isCapped(info);
};

/**
 * Makes the Log's collection where it is not there. One that somebody dropped and an insert made again is dropped: by one process only,
 * since another, late, would drop what is new. `self`: a name unlike all others. Resolves with the bytes that it is made with, where the
 * server tells. Throws Misconfigured where it holds something else than a Log.
 */
export const prepareCollection = async (options: {
  db: Db;
  name: string;
  size: number;
  self: string;
}): Promise<number | undefined> => {
  const { db, name, size, self } = options;
  const collection = db.collection<{ _id: string; w: string }>(name);
  /** The claim stands in what is to be dropped, and is gone with it. Resolves with whose it is. */
  const claim = async (): Promise<string | undefined> => {
    await retried(() => collection.insertOne({ _id: CLAIM, w: self }));
    return (await collection.findOne({ _id: CLAIM }))?.w;
  };
  let other: string | undefined;
  let since = Date.now();
  for (;;) {
    const info = await infoOf(db, name);
    if (info === undefined) {
      await createCapped(db, name, size);
    } else if (isCapped(info)) {
      const bytes: unknown = info.options?.["size"];
      return typeof bytes === "number" ? bytes : undefined;
    } else if ((await collection.findOne({ w: { $exists: false } })) !== null) {
      throw notCapped(name);
    } else {
      const owner = await claim();
      if (owner !== other) since = Date.now();
      other = owner;
      if (owner !== self) {
        if (Date.now() - since > GONE_MS) await collection.deleteOne({ _id: CLAIM, w: owner ?? "" });
        await sleep(LOOK_MS);
      } else if (!(await isPrepared(db, name))) {
        // What was claimed might have been the new one already.
        await db.dropCollection(name);
      }
    }
  }
};
