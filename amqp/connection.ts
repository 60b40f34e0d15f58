import { setTimeout as wait } from "node:timers/promises";
import { connect, type ChannelModel } from "amqplib";
import { backoffMs, coalesceWrites, type Log, type ServerSettings } from "#process";
import { within } from "./within.ts";

const BACKOFF = { minMs: 500, maxMs: 10_000 };
const CONNECT_TIMEOUT_MS = 5000;
const CLOSE_TIMEOUT_MS = 2000;
const HEARTBEAT_SECONDS = 20;

/** ms until the next attempt at a server, after so many before it that failed. */
export const pauseMs = (failures: number): number => Math.round(backoffMs(failures + 1, BACKOFF));

const withHeartbeat = (uri: string): string => {
  const url = new URL(uri);
  if (!url.searchParams.has("heartbeat")) url.searchParams.set("heartbeat", String(HEARTBEAT_SECONDS));
  return url.href;
};

/** One connection that is made again whenever it is lost. */
export interface Connection extends AsyncDisposable {
  /** The connection once it is set up; undefined while there is none. */
  current(): ChannelModel | undefined;
  /** The server blocks publishers: it is short of memory or disk. */
  blocked(): boolean;
  /** Resolves with the connection once it is set up; rejects after `timeoutMs` with what kept it from being. */
  opened(timeoutMs: number): Promise<ChannelModel>;
  /** Gives up the connection and makes another. */
  reset(): void;
}

export interface ConnectionOptions {
  /** Shown by the server's own tools. */
  name: string;
  settings: () => Promise<ServerSettings>;
  log: Log;
  /** Makes what the connection is for; it counts as open once this has resolved. */
  setUp: (model: ChannelModel) => Promise<void>;
  onLost: () => void;
}

const close = (it: ChannelModel): Promise<void> => within(CLOSE_TIMEOUT_MS, it.close());

/** Starts connecting and keeps at it, with jittered backoff and settings read anew, until disposed. */
export const openConnection = ({ name, settings, log, setUp, onLost }: ConnectionOptions): Connection => {
  const closing = new AbortController();
  let model: ChannelModel | undefined;
  let latest: ChannelModel | undefined;
  let blocked = false;
  let lastError: unknown;
  let wakeUp = Promise.withResolvers<ChannelModel>();

  /** Connects, and resolves when the connection is lost. Rejects where none came about. */
  const live = async (onOpen: () => void) => {
    const { uri, ca } = await settings();
    const it = await connect(withHeartbeat(uri), {
      noDelay: true,
      timeout: CONNECT_TIMEOUT_MS,
      clientProperties: { connection_name: name },
      ...(ca === undefined ? {} : { ca: [ca] }),
    });
    latest = it;
    coalesceWrites(Reflect.get(it.connection, "stream"));
    const lost = Promise.withResolvers<void>();
    it.on("error", (error) => (lastError = error));
    it.on("close", () => lost.resolve());
    it.on("blocked", (reason) => {
      blocked = true;
      log.warn({ connection: name, reason }, "RabbitMQ blocks publishers");
    });
    it.on("unblocked", () => (blocked = false));
    blocked = false;
    try {
      await setUp(it);
    } catch (error) {
      await close(it);
      throw error;
    }
    if (closing.signal.aborted) return close(it);
    model = it;
    onOpen();
    wakeUp.resolve(it);
    await lost.promise;
  };

  const keep = async () => {
    let failures = 0;
    while (!closing.signal.aborted) {
      try {
        await live(() => {
          failures = 0;
          log.info({ connection: name }, "connected to RabbitMQ");
        });
      } catch (error) {
        lastError = error;
      }
      if (model !== undefined) wakeUp = Promise.withResolvers();
      model = undefined;
      onLost();
      if (closing.signal.aborted) return;
      const inMs = pauseMs(failures++);
      log.warn({ err: lastError, connection: name, inMs }, "no connection to RabbitMQ");
      await wait(inMs, undefined, { signal: closing.signal }).catch(() => {});
    }
  };
  const kept = keep();

  return {
    current: () => model,
    blocked: () => blocked,
    opened: async (timeoutMs) => {
      if (model !== undefined) return model;
      const timeout = new AbortController();
      const tooLong = wait(timeoutMs, undefined, { signal: timeout.signal }).then(() => {
        const why = lastError instanceof Error ? `: ${lastError.message}` : "";
        throw new Error(`cannot connect to RabbitMQ within ${timeoutMs} ms${why}`, { cause: lastError });
      });
      try {
        return await Promise.race([wakeUp.promise, tooLong]);
      } finally {
        timeout.abort();
        tooLong.catch(() => {});
      }
    },
    reset: () => {
      if (latest !== undefined) void close(latest);
    },
    [Symbol.asyncDispose]: async () => {
      closing.abort();
      if (model !== undefined) await close(model);
      await within(CLOSE_TIMEOUT_MS, kept);
    },
  };
};
