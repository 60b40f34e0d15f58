import type { Recovery } from "#adapter";
import type { Log } from "#process";
import type { Session, Sessions as SessionStore } from "#store";
import type { Socket } from "socket.io";
import { createAway } from "./away.ts";
import { sessionOf, type Held } from "./held.ts";
import { decodeBody, encodeBody } from "./session-body.ts";

export interface KeepingOptions {
  recovery: Recovery;
  store: SessionStore;
  onLost: (listener: () => void) => Disposable;
  node: string;
  windowSeconds: number;
  maxMessages: number;
  clock: () => number;
  log: Log;
}

/** The sessions of this gateway's clients in the store: written soon after each change, so that a gateway that is killed loses nobody. */
export interface Keeping extends AsyncDisposable {
  readonly held: Map<Socket, Held>;
  /** As it is now; undefined where it has not connected, or cannot be written. */
  current(socket: Socket): Session | undefined;
  /** Resolves when it is written, or will be later. */
  keepNew(session: Session): Promise<void>;
  /** To be written soon. */
  touch(socket: Socket): void;
  /** Its client is away: nobody's marks speak for it any more. */
  putBack(session: Session): void;
  /** It is nobody's, and will not be asked for. */
  drop(held: Held): void;
  forget(socket: Socket): void;
  /** When the store may have lost sessions, the last time. */
  lostAt(): number;
}

const FLUSH_MS = 20;
const RETRY_MS = 500;
const LOOK_MS = 250;
const AT_ONCE = 500;
const MARK_EVERY_MS = 1000;

export const createKeeping = (options: KeepingOptions): Keeping => {
  const { recovery, store, node, windowSeconds, maxMessages, clock, log } = options;
  const held = new Map<Socket, Held>();
  const dirty = new Set<Socket>();
  const away = createAway(windowSeconds, clock);
  const underWay = new Set<Promise<void>>();
  const keepEveryMs = Math.min(windowSeconds * 250, 15_000);
  const liveSeconds = windowSeconds + (2 * keepEveryMs) / 1000;
  let flushing: Promise<void> | undefined;
  let flushTimer: NodeJS.Timeout | undefined;
  let marked = { epoch: "", index: 0, at: 0 };
  let keptAt = clock();
  let lookedAt = 0;
  let lostAt = -Infinity;
  let isAwayDue = false;
  let disposed = false;

  const track = (work: Promise<unknown>): void => {
    const it = work.then(
      () => {},
      (error: unknown) => log.debug({ err: error }, "a session was not kept"),
    );
    underWay.add(it);
    void it.then(() => underWay.delete(it));
  };
  const putBack = (session: Session): void => {
    const body = decodeBody(session.body);
    const bytes = body && encodeBody({ ...body, node: "" });
    if (body === undefined || bytes === undefined) return;
    const left = { ...session, body: bytes };
    away.add(body.socket, left);
    track(
      store.put([left], windowSeconds).catch((error: unknown) => {
        isAwayDue = true;
        throw error;
      }),
    );
  };
  /** To a store that may have lost them. */
  const putAway = async (): Promise<void> => {
    const gone = away.all();
    for (let from = 0; from < gone.length; from += AT_ONCE) {
      const some = gone.slice(from, from + AT_ONCE);
      const restMs = Math.max(...some.map(({ until }) => until)) - clock();
      await store.put(
        some.map(({ session }) => session),
        Math.ceil(restMs / 1000),
      );
    }
  };
  const current = (socket: Socket): Session | undefined => {
    const it = held.get(socket);
    const kept = recovery.kept(socket);
    if (it?.connection === undefined || kept === undefined) return undefined;
    const { identity, subscribed } = it.connection;
    it.keptUpTo = kept.givenUpTo;
    it.version += 1;
    return sessionOf(socket, it, identity, { node, at: clock(), kept, subscribed });
  };

  const flush = async (): Promise<void> => {
    const place = recovery.place();
    const leaving = [...underWay];
    const sockets = [...dirty];
    const sessions: Session[] = [];
    const unwritable: Held[] = [];
    for (const socket of sockets) {
      const session = current(socket);
      const it = held.get(socket);
      if (session !== undefined) sessions.push(session);
      else if (it !== undefined) unwritable.push(it);
    }
    dirty.clear();
    const withAway = isAwayDue;
    isAwayDue = false;
    try {
      if (withAway) await putAway();
      // What the store has of them is older than what is marked.
      await Promise.all(unwritable.map(({ pid, turn }) => store.drop(pid, turn)));
      for (let from = 0; from < sessions.length; from += AT_ONCE)
        await store.put(sessions.slice(from, from + AT_ONCE), liveSeconds);
    } catch (error) {
      log.debug({ err: error }, "sessions are kept later");
      isAwayDue ||= withAway;
      for (const socket of sockets) if (held.has(socket)) dirty.add(socket);
      return flushSoon(RETRY_MS);
    }
    // What is marked as kept speaks for all sessions that the store knows to be here, also for those that are on their way out.
    await Promise.all(leaving);
    const far = place.index - (marked.epoch === place.epoch ? marked.index : 0);
    if (held.size > 0 && !isAwayDue && (far > maxMessages / 10 || (far > 20 && clock() - marked.at > MARK_EVERY_MS))) {
      marked = { ...place, at: clock() };
      recovery.mark(place);
    }
  };
  const flushNow = (): void => {
    clearTimeout(flushTimer);
    flushTimer = undefined;
    if (flushing !== undefined) return flushSoon(FLUSH_MS);
    flushing = flush().finally(() => (flushing = undefined));
  };
  const flushSoon = (ms: number): void => {
    if (!disposed) flushTimer ??= setTimeout(flushNow, ms).unref();
  };
  const touch = (socket: Socket): void => {
    if (held.get(socket)?.connection === undefined) return;
    dirty.add(socket);
    flushSoon(FLUSH_MS);
  };
  const lookAtEach = (): void => {
    // Before the log drops what was said since, to a client that hears so little that its own place is further back.
    const old = recovery.place().index - maxMessages / 2;
    let due = AT_ONCE;
    for (const [socket, it] of held) {
      const data = JSON.stringify(socket.data) ?? "";
      const isOld = it.keptUpTo < old && due > 0;
      if (isOld) due -= 1;
      if (isOld || data !== it.data) touch(socket);
      it.data = data;
    }
  };
  const look = (): void => {
    const now = clock();
    if (now - lookedAt > 4 * LOOK_MS) {
      lookedAt = now;
      lookAtEach();
    }
    if (now - keptAt > keepEveryMs) {
      keptAt = now;
      track(
        store.keep(
          [...held.values()].flatMap(({ pid, connection }) => (connection ? [pid] : [])),
          liveSeconds,
        ),
      );
    }
    flushNow();
  };
  const timer = setInterval(look, LOOK_MS).unref();
  const changes = recovery.onChange(touch);
  const takings = recovery.onTaken(away.taken);
  const losses = options.onLost(() => {
    lostAt = clock();
    isAwayDue = true;
    for (const socket of held.keys()) touch(socket);
    flushSoon(0);
  });
  return {
    held,
    current,
    keepNew: async (session) => {
      try {
        await store.put([session], liveSeconds);
      } catch (error) {
        log.debug({ err: error }, "a session is kept later");
      }
    },
    touch,
    putBack,
    // Behind what is being written of it, or that would be there again.
    drop: ({ pid, turn }) => track((flushing ?? Promise.resolve()).then(() => store.drop(pid, turn))),
    forget: (socket) => {
      held.delete(socket);
      dirty.delete(socket);
    },
    lostAt: () => lostAt,
    [Symbol.asyncDispose]: async () => {
      disposed = true;
      clearInterval(timer);
      clearTimeout(flushTimer);
      changes[Symbol.dispose]();
      takings[Symbol.dispose]();
      losses[Symbol.dispose]();
      await flushing;
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
};
