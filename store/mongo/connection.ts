import { setTimeout as wait } from "node:timers/promises";
import { MongoClient, type Db } from "mongodb";
import { Refusal } from "#crds";
import { mongoAddress, type Log, type ServerSettings } from "#process";

const FIRST_MS = 10_000;
const ANSWER_MS = 2000;
const LOOK_MS = 200;

/** One client of MongoDB that comes back by itself. What is asked while the server is away is refused at once. */
export interface MongoConnection extends AsyncDisposable {
  connected(): boolean;
  /** Rejects with the Refusal `store_unavailable`, whose cause says why, where the server answers nothing for 2 s. Nothing is sent twice. */
  ask<T>(commands: (db: Db) => Promise<T>): Promise<T>;
  /** Reads the settings again, so that a rotated password is found. */
  renew(): Promise<void>;
  /** Called each time the server is there again. */
  onBack(listener: () => void): void;
}

interface ConnectOptions {
  settings: () => Promise<ServerSettings>;
  name: string;
  log: Log;
}

/** Rejects where the server does not answer within 10 s. */
export const connectMongo = async ({ settings, name, log }: ConnectOptions): Promise<MongoConnection> => {
  const listeners: (() => void)[] = [];
  const pending = new Set<(error: Error) => void>();
  let lastAnswer = 0;
  let lastWarning = -Infinity;
  let isUp = false;
  let isClosed = false;

  const dial = ({ uri, tls }: ReturnType<typeof mongoAddress>): MongoClient => {
    const next = new MongoClient(uri, {
      ...tls,
      appName: name,
      retryReads: false,
      retryWrites: false,
      maxPoolSize: 10,
      heartbeatFrequencyMS: 1000,
      connectTimeoutMS: 2 * ANSWER_MS,
      socketTimeoutMS: 2 * ANSWER_MS,
      serverSelectionTimeoutMS: ANSWER_MS,
    });
    // After each command: one call may be many.
    next.on("connectionCheckedIn", () => {
      lastAnswer = performance.now();
    });
    next.on("topologyDescriptionChanged", ({ newDescription }) => {
      if (next !== client) return;
      const before = isUp;
      isUp = [...newDescription.servers.values()].some(({ isWritable }) => isWritable);
      if (before === isUp || isClosed) return;
      if (isUp) log.info("mongo is up");
      else log.warn({ err: newDescription.error }, "mongo is away");
      if (isUp) for (const listener of listeners) listener();
    });
    return next;
  };
  let address = mongoAddress(await settings());
  let client: MongoClient | undefined;
  client = dial(address);

  const refused = (cause: unknown) => new Refusal("store_unavailable", undefined, { cause });
  const ask = async <T>(commands: (db: Db) => Promise<T>): Promise<T> => {
    if (!isUp || isClosed || client === undefined) throw refused(new Error("not connected"));
    if (pending.size === 0) lastAnswer = performance.now();
    const silent = Promise.withResolvers<never>();
    pending.add(silent.reject);
    try {
      return await Promise.race([commands(client.db(address.database)), silent.promise]);
    } catch (error) {
      if (isUp && performance.now() - lastWarning > 10_000) {
        lastWarning = performance.now();
        log.warn({ err: error }, "mongo refuses");
      }
      throw refused(error);
    } finally {
      pending.delete(silent.reject);
    }
  };
  const looks = setInterval(() => {
    if (pending.size === 0 || performance.now() - lastAnswer < ANSWER_MS) return;
    for (const reject of pending) reject(new Error(`mongo has not answered for ${ANSWER_MS / 1000} s`));
  }, LOOK_MS).unref();
  const close = async () => {
    isClosed = true;
    clearInterval(looks);
    for (const reject of pending) reject(new Error("the store is closed"));
    await client?.close();
  };

  const end = performance.now() + FIRST_MS;
  for (;;)
    try {
      await client.connect();
      isUp = true;
      break;
    } catch (error) {
      if (performance.now() < end) {
        await wait(LOOK_MS);
        continue;
      }
      await close();
      throw new Error("cannot connect to mongo", { cause: error });
    }
  return {
    connected: () => isUp,
    ask,
    renew: async () => {
      const next = mongoAddress(await settings());
      if (isClosed || JSON.stringify(next) === JSON.stringify(address)) return;
      const former = client;
      address = next;
      client = dial(next);
      await Promise.all([former?.close(), client.connect()]);
    },
    onBack: (listener) => void listeners.push(listener),
    [Symbol.asyncDispose]: close,
  };
};
