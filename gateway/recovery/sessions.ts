import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Kept, Recovery } from "#adapter";
import { channelOfRoom } from "#crds";
import { counter, type Log } from "#process";
import type { Session, Sessions as SessionStore } from "#store";
import type { Registry } from "prom-client";
import type { Socket } from "socket.io";
import { mayRead } from "../auth/grants.ts";
import type { Identity } from "../auth/tokens.ts";
import type { Connection } from "../connections/connection.ts";
import { createAway } from "./away.ts";
import { decodeBody, encodeBody, type SessionBody } from "./session-body.ts";

/** Who connects, and as what. */
export interface Arrival {
  identity: Identity;
  /** What presence and lifecycle events know this connection by: the socket's id, and where it came back, how often. */
  place: string;
}

/** Sessions of this gateway's clients: kept in the store while they are here, given to those that come back. */
export interface SessionKeeper extends AsyncDisposable {
  /** Before the connection is let in. `withoutToken`: then the secret alone says who a guest is. Rejects with `store_unavailable`. */
  arrive(socket: Socket, identity: Identity, withoutToken: boolean): Promise<Arrival>;
  /** It has connected: gets what it missed, or is told that something is lost. */
  welcome(connection: Connection): void;
  /** It disconnects, and is in its rooms still. */
  leave(connection: Connection, reason: string): void;
  size(): number;
}

export interface SessionKeeperOptions {
  recovery: Recovery;
  store: SessionStore;
  /** Throws the Refusal `token_revoked` where it was revoked, or `store_unavailable`. */
  refuseRevoked: (identity: Pick<Identity, "user" | "issuedAt" | "jti">) => Promise<void>;
  onLost: (listener: () => void) => Disposable;
  node: string;
  windowSeconds: number;
  maxMessages: number;
  clock: () => number;
  log: Log;
  registry: Registry;
  newSecret?: () => string;
}

const FLUSH_MS = 20;
const RETRY_MS = 500;
const LOOK_MS = 250;
const AT_ONCE = 500;
const TAKE_TRIES = 3;
const TAKE_AGAIN_MS = 50;
/** So long after the store may have lost sessions those that other gateways put there again are waited for. */
const REFILL_MS = 3000;
const MARK_EVERY_MS = 1000;
const MAX_SECRET = 64;
/** Those after which a socket.io client comes back by itself. */
const COMES_BACK = new Set([
  "transport error",
  "transport close",
  "forced close",
  "ping timeout",
  "server shutting down",
  "forced server close",
]);

/** A client that is here, or about to be. */
interface Held {
  pid: string;
  turn: number;
  guest: boolean;
  /** The secret instead, where it could not come back after all. */
  spare: string;
  subscribed: readonly string[];
  /** As it was taken, until it has connected. */
  taken: Session | undefined;
  /** Undefined: nothing is. */
  lostSince: number | null | undefined;
  connection: Connection | undefined;
  data: string;
}

const placeOf = (id: string, turn: number): string => (turn === 0 ? id : `${id}~${turn}`);
/** The socket's id in the name that presence knows a connection by. */
export const socketOfPlace = (place: string): string => place.split("~", 1)[0] ?? place;

export const createSessionKeeper = (options: SessionKeeperOptions): SessionKeeper => {
  const { recovery, store, refuseRevoked, node, windowSeconds, maxMessages, clock, log, registry } = options;
  const { newSecret = () => randomBytes(18).toString("base64url") } = options;
  const outcomes = counter(registry, {
    name: "realtime_recoveries_total",
    help: "Clients that came back: recovered, or with something lost, since their session or what they missed was not there any more.",
    labelNames: ["outcome"] as const,
  });
  const held = new Map<Socket, Held>();
  const dirty = new Set<Socket>();
  const away = createAway(windowSeconds, clock);
  const underWay = new Set<Promise<void>>();
  const keepEveryMs = Math.min(windowSeconds * 250, 15_000);
  const liveSeconds = windowSeconds + (2 * keepEveryMs) / 1000;
  let flushing: Promise<void> | undefined;
  let flushTimer: NodeJS.Timeout | undefined;
  let marked = { index: 0, at: 0 };
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

  /** Its client is away: nobody's marks speak for it any more. */
  const putBack = (session: Session): void => {
    const body = decodeBody(session.body);
    const bytes = body && encodeBody({ ...body, node: "" });
    if (body === undefined || bytes === undefined) return;
    const left = { ...session, body: bytes };
    away.add(body.socket, left);
    track(store.put([left], windowSeconds));
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

  const written = (
    socket: Socket,
    { pid, guest, turn }: Held,
    { user, jti, issuedAt }: Identity,
    kept: Kept,
    subscribed: Iterable<string> = [],
  ): Session | undefined => {
    const data: unknown = socket.data;
    const at = clock();
    const body = encodeBody({ socket: socket.id, node, at, data, jti, issuedAt, subscribed: [...subscribed], kept });
    return body && { pid, user, guest, turn, body };
  };
  const sessionOf = (socket: Socket): Session | undefined => {
    const it = held.get(socket);
    const kept = recovery.kept(socket);
    if (it?.connection === undefined || kept === undefined) return undefined;
    return written(socket, it, it.connection.identity, kept, it.connection.subscribed);
  };

  const flush = async (): Promise<void> => {
    clearTimeout(flushTimer);
    flushTimer = undefined;
    const place = recovery.place();
    const sockets = [...dirty];
    dirty.clear();
    const withAway = isAwayDue;
    isAwayDue = false;
    try {
      if (withAway) await putAway();
      for (let from = 0; from < sockets.length; from += AT_ONCE) {
        const sessions = sockets.slice(from, from + AT_ONCE).flatMap((socket) => sessionOf(socket) ?? []);
        if (sessions.length > 0) await store.put(sessions, liveSeconds);
      }
    } catch (error) {
      log.debug({ err: error }, "sessions are kept later");
      isAwayDue ||= withAway;
      for (const socket of sockets) if (held.has(socket)) dirty.add(socket);
      return flushSoon(RETRY_MS);
    }
    const far = place.index - marked.index;
    if (held.size > 0 && (far > maxMessages / 10 || (far > 20 && clock() - marked.at > MARK_EVERY_MS))) {
      marked = { index: place.index, at: clock() };
      recovery.mark(place);
    }
  };
  const flushNow = (): void => {
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
  const look = (): void => {
    const now = clock();
    if (now - lookedAt > 4 * LOOK_MS) {
      lookedAt = now;
      for (const [socket, it] of held) {
        const data = JSON.stringify(socket.data) ?? "";
        if (data !== it.data) touch(socket);
        it.data = data;
      }
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

  const hold = (socket: Socket, it: Partial<Held> & Pick<Held, "pid" | "guest">): Held => {
    const made: Held = {
      turn: 0,
      spare: "",
      subscribed: [],
      taken: undefined,
      lostSince: undefined,
      connection: undefined,
      data: "{}",
      ...it,
    };
    held.set(socket, made);
    socket.conn.once("close", () => {
      // Taken, and never connected.
      if (made.connection === undefined && made.taken !== undefined) putBack(made.taken);
      if (made.connection === undefined) held.delete(socket);
    });
    return made;
  };
  const fresh = async (
    socket: Socket,
    identity: Identity,
    guest: boolean,
    lostSince?: number | null,
  ): Promise<Arrival> => {
    const it = hold(socket, { pid: newSecret(), guest, lostSince });
    const session = written(socket, it, identity, recovery.offer(socket, it.pid));
    if (lostSince !== undefined) outcomes.inc({ outcome: "lost" });
    try {
      if (session !== undefined) await store.put([session], liveSeconds);
    } catch (error) {
      log.debug({ err: error }, "a session is kept later");
    }
    return { identity, place: socket.id };
  };
  const isRevoked = async (identity: Pick<Identity, "user" | "issuedAt" | "jti">): Promise<boolean> => {
    try {
      await refuseRevoked(identity);
      return false;
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "token_revoked") return true;
      throw error;
    }
  };
  /** Without the channels that he subscribed to and may not read any more. */
  const readable = ({ kept, subscribed }: SessionBody, { grants }: Identity): SessionBody["kept"] => {
    const taken = new Set(subscribed.filter((channel) => !mayRead(grants, channel)));
    const stays = ([room]: readonly [string, ...unknown[]]) => !taken.has(channelOfRoom(room) ?? "");
    return taken.size === 0 ? kept : { ...kept, rooms: kept.rooms.filter(stays), left: kept.left.filter(stays) };
  };
  /** It may be on its way here from the gateway that the client was on a moment ago. */
  const taken = async (pid: string, claim: { user: string; guest: boolean }): Promise<Session | undefined> => {
    for (let tries = 0; ; tries += 1) {
      const session = await store.take(pid, claim);
      if (session !== undefined || (tries >= TAKE_TRIES && clock() - lostAt > REFILL_MS)) return session;
      await sleep(TAKE_AGAIN_MS);
    }
  };
  const comeBack = async (socket: Socket, session: Session, identity: Identity, guest: boolean): Promise<Arrival> => {
    const body = decodeBody(session.body);
    if (body === undefined) return fresh(socket, identity, guest, null);
    const { jti, issuedAt } = body;
    const { pid, turn, user } = session;
    try {
      if (await isRevoked({ user, issuedAt, jti })) return fresh(socket, identity, guest, body.at);
    } catch (error) {
      putBack(session);
      throw error;
    }
    const { conn } = socket;
    if (conn.readyState !== "open") {
      putBack(session);
      return { identity, place: socket.id };
    }
    const spare = newSecret();
    const resumed = recovery.resume(
      socket,
      { socket: body.socket, pid, spare, turn, data: body.data, node: body.node, kept: readable(body, identity) },
      socket.handshake.auth["offset"],
    );
    if (!resumed) return fresh(socket, identity, guest, body.at);
    hold(socket, { pid, turn, spare, guest: session.guest, subscribed: body.subscribed, taken: session });
    return {
      identity: guest && session.guest ? { ...identity, user, issuedAt, jti } : identity,
      place: placeOf(body.socket, turn),
    };
  };

  return {
    arrive: async (socket, identity, withoutToken) => {
      if (socket.handshake.query["recovery"] === "0" || socket.conn.protocol === 3)
        return { identity, place: socket.id };
      const guest = identity.anonymous && withoutToken;
      const pid: unknown = socket.handshake.auth["pid"];
      if (typeof pid !== "string" || pid === "") return fresh(socket, identity, guest);
      if (pid.length > MAX_SECRET) return fresh(socket, identity, guest, null);
      const session = await taken(pid, { user: identity.user, guest });
      if (session === undefined) return fresh(socket, identity, guest, null);
      return comeBack(socket, session, identity, guest);
    },
    welcome: (connection) => {
      const { socket } = connection;
      const it = held.get(socket);
      if (it === undefined) return;
      it.connection = connection;
      if (it.taken !== undefined) {
        outcomes.inc({ outcome: socket.recovered ? "recovered" : "lost" });
        if (socket.recovered) for (const channel of it.subscribed) connection.subscribed.add(channel);
        else {
          it.lostSince = decodeBody(it.taken.body)?.at ?? null;
          it.pid = it.spare;
          it.turn = 0;
        }
      }
      recovery.begin(socket);
      if (it.lostSince !== undefined) socket.emit("recovery:lost", { since: it.lostSince });
      touch(socket);
    },
    leave: ({ socket }, reason) => {
      const session = sessionOf(socket);
      const it = held.get(socket);
      held.delete(socket);
      dirty.delete(socket);
      if (it === undefined) return;
      if (session !== undefined && COMES_BACK.has(reason)) putBack(session);
      else track(store.drop(it.pid, it.turn));
    },
    size: () => held.size,
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
