import { MongoServerError, type CollectionInfo, type Db } from "mongodb";
import { Misconfigured } from "#process";

const NAMESPACE_EXISTS = 48;

/** What is known of a collection; undefined: it is not there. */
export const infoOf = async (db: Db, name: string): Promise<CollectionInfo | undefined> => {
  const [found] = await db.listCollections<CollectionInfo>({ name }, { nameOnly: false }).toArray();
  return found;
};

export const isCapped = (info: CollectionInfo): boolean => info.options?.["capped"] === true;

export const notCapped = (name: string): Misconfigured =>
  new Misconfigured(`the MongoDB collection ${name} is not capped: drop it, and it is made anew`);

/** Makes the capped collection of `size` bytes, unless one of that name is there. */
export const createCapped = async (db: Db, name: string, size: number): Promise<void> => {
  await db.createCollection(name, { capped: true, size }).catch((error: unknown) => {
    if (!(error instanceof MongoServerError && error.code === NAMESPACE_EXISTS)) throw error;
  });
};

/** Makes the capped collection of `size` bytes where it is not there. Throws Misconfigured where one of that name is not capped. */
export const makeCapped = async (db: Db, name: string, size: number): Promise<void> => {
  const found = await infoOf(db, name);
  if (found === undefined) await createCapped(db, name, size);
  else if (!isCapped(found)) throw notCapped(name);
};
