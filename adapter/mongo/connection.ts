import { MongoClient, MongoServerSelectionError, type Db } from "mongodb";
import { mongoAddress, type Log, type ServerSettings } from "#process";

const FIRST_MS = 10_000;
/** After as long without a server that can be reached, it is away. */
const REACH_MS = 3000;
/** Nothing is silent for so long: the tail asks anew every 2 s. */
const SILENT_MS = 10_000;

/** A client of MongoDB that is replaced when its settings change; it retries nothing by itself. */
export interface Connection extends AsyncDisposable {
  db(): Db;
  /** Reads the settings again, so that a rotated password is found. */
  renew(): Promise<void>;
}

/** Resolves when the server answers, rejects after 10 s without. */
export const connect = async (
  settings: () => Promise<ServerSettings>,
  { name, log }: { name: string; log: Log },
): Promise<Connection> => {
  const dial = (address: ReturnType<typeof mongoAddress>) =>
    new MongoClient(address.uri, {
      ...address.tls,
      appName: name,
      retryReads: false,
      retryWrites: false,
      maxPoolSize: 4,
      connectTimeoutMS: 5000,
      socketTimeoutMS: SILENT_MS,
      serverSelectionTimeoutMS: REACH_MS,
      waitQueueTimeoutMS: FIRST_MS,
    });
  let address = mongoAddress(await settings());
  let client = dial(address);
  const first = async (until: number): Promise<void> => {
    try {
      await client.db(address.database).command({ ping: 1 });
    } catch (error) {
      if (!(error instanceof MongoServerSelectionError) || Date.now() >= until) throw error;
      await first(until);
    }
  };
  try {
    await first(Date.now() + FIRST_MS - REACH_MS);
  } catch (error) {
    await client.close();
    throw new Error(`mongo did not answer within ${FIRST_MS / 1000} s`, { cause: error });
  }
  return {
    db: () => client.db(address.database),
    renew: async () => {
      const next = await settings().then(mongoAddress, (error: unknown) => {
        log.warn({ err: error }, "mongo settings cannot be read; the last ones stay");
        return address;
      });
      if (JSON.stringify(next) === JSON.stringify(address)) return;
      const former = client;
      address = next;
      client = dial(next);
      await former.close().catch(() => {});
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
};
