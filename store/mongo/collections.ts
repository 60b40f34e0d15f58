import { MongoServerError, type Collection, type Db, type OptionalUnlessRequiredId } from "mongodb";

interface Expiring {
  _id: string;
  expireAt: Date;
}

/** A job: what it is as JSON, since its values may have any keys; `rev` is another after each write. */
export interface JobDocument extends Expiring {
  rev: string;
  record: string;
  pool: string;
  list: ListName;
  at: number;
}
export type ListName = "waiting" | "running" | "finished";

/** Given ids, cancellations, revocations, locks, counters: a kind in front of each `_id`. */
export interface MarkDocument extends Expiring {
  event?: string;
  gateway?: string;
  ack?: string;
  before?: number;
  token?: string;
  count?: number;
}

export interface HistoryDocument extends Expiring {
  channel: string;
  place: number;
  entry: Uint8Array;
}

/** A version of a session, or that a turn of it was taken: then it has no more. */
export interface SessionDocument extends Expiring {
  pid: string;
  turn: number;
  version: number;
  user?: string;
  guest?: boolean;
  body?: Uint8Array;
}

/** `connections`: by node and socket. `slots`: by user and number, so that no user has more than his limit. */
export interface ConnectionDocument {
  _id: string;
  node: string;
  socket: string;
  user: string;
}
/** A connection in a channel. */
export interface MemberDocument extends ConnectionDocument {
  channel: string;
}

/** The cluster's collections. */
export const collectionsOf = (db: Db, cluster: string) => ({
  jobs: db.collection<JobDocument>(`${cluster}.jobs`),
  marks: db.collection<MarkDocument>(`${cluster}.marks`),
  history: db.collection<HistoryDocument>(`${cluster}.history`),
  sessions: db.collection<SessionDocument>(`${cluster}.sessions`),
  connections: db.collection<ConnectionDocument>(`${cluster}.connections`),
  slots: db.collection<ConnectionDocument>(`${cluster}.slots`),
  members: db.collection<MemberDocument>(`${cluster}.members`),
  /** There while a user is in a channel, and while anyone is: who makes it is the first, who takes it away the last. */
  occupied: db.collection<{ _id: string }>(`${cluster}.occupied`),
});
export type Collections = ReturnType<typeof collectionsOf>;

const NOT_IMPLEMENTED = 238;

/** Removes what is expired, where the server can; readers look at the time themselves. */
const expire = async (collection: Pick<Collection, "createIndex">): Promise<void> => {
  await collection.createIndex({ expireAt: 1 }, { expireAfterSeconds: 0 }).catch((error: unknown) => {
    if (!(error instanceof MongoServerError && error.code === NOT_IMPLEMENTED)) throw error;
  });
};

/** Makes the indexes where they are missing. */
export const makeIndexes = async (of: Collections): Promise<void> => {
  await of.jobs.createIndex({ pool: 1, list: 1, at: 1 });
  await of.history.createIndex({ channel: 1, place: 1 });
  await of.sessions.createIndex({ pid: 1 });
  await of.connections.createIndex({ node: 1 });
  await of.slots.createIndex({ user: 1 });
  await of.members.createIndex({ channel: 1, user: 1 });
  await of.members.createIndex({ node: 1, socket: 1 });
  for (const collection of [of.jobs, of.marks, of.history, of.sessions]) await expire(collection);
};

/** The code of an error that says: there is one with that `_id`. */
export const DUPLICATE = 11_000;

/** Inserts, or tells that one with that `_id` is there: the one step that every server does atomically. */
export const insertNew = async <T extends { _id: string }>(
  collection: Collection<T>,
  document: OptionalUnlessRequiredId<T>,
): Promise<boolean> => {
  try {
    await collection.insertOne(document);
    return true;
  } catch (error) {
    if (error instanceof MongoServerError && error.code === DUPLICATE) return false;
    throw error;
  }
};

/** Parts as one `_id`, so that no two lists of parts meet. */
export const idOf = (...parts: (string | number)[]): string => JSON.stringify(parts);
