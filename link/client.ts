import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { backoffMs, type Log, type ServerSettings } from "#process";
import type { OutboxLimits } from "./outbox.ts";
import type { Link } from "./port.ts";
import { openSession, type Session } from "./session.ts";
import { TIMING, type Timing } from "./timing.ts";

export interface LinkOptions extends OutboxLimits {
  service: "broker" | "bus" | "log" | "store" | (string & {});
  /** Unique per start of a process. */
  node: string;
  /** Read before each connect; `uri` is `tcp://host:port`, `key` the hub's if it has one. */
  settings: () => Promise<ServerSettings>;
  log: Log;
  /** How many messages were dropped just now, because the hub was away or the buffer full. */
  onDropped?: (count: number) => void;
  timing?: Partial<Timing>;
  random?: () => number;
}

const BACKOFF = { minMs: 50, maxMs: 1000 };

/** Opens a line. Resolves when the hub has answered, rejects after 10 s without; from then on it reconnects by itself. */
export const openLink = async (options: LinkOptions): Promise<Link> => {
  const { service, node, settings, log, onDropped = () => {}, random = Math.random } = options;
  const timing = { ...TIMING, ...options.timing };
  const line = randomUUID();
  const onUp: ((hub: { epoch: string; fresh: boolean }) => void)[] = [];
  const onDown: (() => void)[] = [];
  const early: [unknown, Uint8Array][] = [];
  let listener = (header: unknown, body: Uint8Array): void => void early.push([header, body]);
  let session: Session | undefined;
  let epoch: string | undefined;
  const closing = new AbortController();
  let lastError: unknown;
  const firstUp = Promise.withResolvers<void>();

  const call = <A extends unknown[]>(listen: (...args: A) => void, ...args: A) => {
    try {
      listen(...args);
    } catch (error) {
      log.error({ err: error, service }, "a listener of the line to the hub threw");
    }
  };

  const isUp = (welcomed: Session, said: string) => {
    session = welcomed;
    const first = epoch === undefined;
    const fresh = epoch !== said;
    epoch = said;
    log.info({ service, epoch: said, fresh }, "line to the hub is up");
    if (first) firstUp.resolve();
    else for (const listen of onUp) call(listen, { epoch: said, fresh });
  };
  const isDown = (why: string, unsent: number) => {
    session = undefined;
    if (unsent > 0) onDropped(unsent);
    // Its own closing is no news.
    log[closing.signal.aborted && unsent === 0 ? "debug" : "warn"]({ service, why, unsent }, "line to the hub is down");
    for (const listen of onDown) call(listen);
  };

  let attempt: Session | undefined;
  const keepUp = async () => {
    for (let failures = 0; !closing.signal.aborted;) {
      try {
        const { uri, key } = await settings();
        const opened = await openSession({
          service,
          node,
          line,
          uri,
          key,
          timing,
          limits: options,
          onMessage: (header, body) => call(listener, header, body),
        });
        attempt = opened;
        if (closing.signal.aborted) await opened.close();
        const said = await opened.welcome;
        failures = 0;
        isUp(opened, said);
        const { why, unsent } = await opened.ended;
        isDown(why, unsent);
      } catch (error) {
        lastError = error;
        failures += 1;
        if (failures === 1 && !closing.signal.aborted) log.warn({ err: error, service }, "the hub cannot be reached");
      }
      attempt = undefined;
      await sleep(backoffMs(failures + 1, BACKOFF, random), undefined, { signal: closing.signal }).catch(() => {});
    }
  };
  const kept = keepUp();

  const close = async () => {
    closing.abort();
    await attempt?.close();
    await kept;
  };
  const giveUp = setTimeout(() => {
    const why = lastError instanceof Error ? `: ${lastError.message}` : "";
    firstUp.reject(new Error(`the hub did not answer within ${timing.open} ms${why}`, { cause: lastError }));
  }, timing.open);
  try {
    await firstUp.promise;
  } catch (error) {
    await close();
    throw error;
  } finally {
    clearTimeout(giveUp);
  }

  return {
    send: (header, body) => {
      if (session?.send(header, body) === true) return true;
      onDropped(1);
      return false;
    },
    onMessage: (listen) => {
      listener = listen;
      for (const [header, body] of early.splice(0)) call(listen, header, body);
    },
    onUp: (listen) => void onUp.push(listen),
    onDown: (listen) => void onDown.push(listen),
    connected: () => session !== undefined,
    epoch: () => epoch ?? "",
    [Symbol.asyncDispose]: close,
  };
};
