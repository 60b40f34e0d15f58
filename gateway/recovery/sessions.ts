import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { KeptSession } from "#adapter";
import { channelOfRoom } from "#crds";
import { counter } from "#process";
import type { Session } from "#store";
import type { Registry } from "prom-client";
import type { Socket } from "socket.io";
import { mayRead } from "../auth/grants.ts";
import type { Identity } from "../auth/tokens.ts";
import type { Connection } from "../connections/connection.ts";
import { newHeld, placeOf, sessionOf, type Held } from "./held.ts";
import { createKeeping, type KeepingOptions } from "./keeping.ts";
import { decodeBody, type SessionBody } from "./session-body.ts";

/** Who connects, and as what. */
export interface Arrival {
  identity: Identity;
  /** What presence and lifecycle events know this connection by: the socket's id, and where it came back, how often. */
  place: string;
}

interface Taken {
  session: Session;
  /** As they were before. */
  marks: KeptSession["marks"];
}

/** Sessions of this gateway's clients: kept in the store while they are here, given to those that come back. */
export interface SessionKeeper extends AsyncDisposable {
  /** Before the connection is let in. `withoutToken`: then the secret alone says who a guest is. Rejects with `store_unavailable`. */
  arrive(socket: Socket, identity: Identity, withoutToken: boolean): Promise<Arrival>;
  /** It has connected: gets what it missed, or is told that something is lost. */
  welcome(connection: Connection): void;
  /** It disconnects, and is in its rooms still. */
  leave(connection: Connection, reason: string): void;
  /** Whether a client that is here gets what it misses when it comes back. */
  holds(socket: Socket): boolean;
  size(): number;
}

export interface SessionKeeperOptions extends KeepingOptions {
  /** Throws the Refusal `token_revoked` where it was revoked, or `store_unavailable`. */
  refuseRevoked: (identity: Pick<Identity, "user" | "issuedAt" | "jti">) => Promise<void>;
  registry: Registry;
  newSecret?: () => string;
}

const TAKE_AGAIN_MS = 50;
/** So often is one asked for again that is not there, and one that the gateway which the client was on a moment ago has not written yet. */
const TRIES = { unknown: 3, taken: 60 };
/** So long after the store may have lost sessions those that other gateways put there again are waited for. */
const REFILL_MS = 3000;
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

export const createSessionKeeper = (options: SessionKeeperOptions): SessionKeeper => {
  const { recovery, store, refuseRevoked, node, clock, registry } = options;
  const { newSecret = () => randomBytes(18).toString("base64url") } = options;
  const outcomes = counter(registry, {
    name: "realtime_recoveries_total",
    help: "Clients that came back: recovered, or with something lost, since their session or what they missed was not there any more.",
    labelNames: ["outcome"] as const,
  });
  const keeping = createKeeping(options);
  const { held, putBack } = keeping;

  const hold = (socket: Socket, it: Partial<Held> & Pick<Held, "pid" | "guest">): Held => {
    const made = newHeld(it);
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
    const kept = recovery.offer(socket, it.pid);
    const session = sessionOf(socket, it, identity, { node, at: clock(), kept });
    if (lostSince !== undefined) outcomes.inc({ outcome: "lost" });
    if (session !== undefined) await keeping.keepNew(session);
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
  const taken = async (pid: string, claim: { user: string; guest: boolean }): Promise<Taken | undefined> => {
    for (let tries = 0; ; tries += 1) {
      const marks = recovery.marks();
      const session = await store.take(pid, claim);
      if (typeof session === "object") return { session, marks };
      if (tries >= TRIES[session ?? "unknown"] && clock() - keeping.lostAt() > REFILL_MS) return undefined;
      await sleep(TAKE_AGAIN_MS);
    }
  };
  const comeBack = async (
    socket: Socket,
    { session, marks }: Taken,
    identity: Identity,
    guest: boolean,
  ): Promise<Arrival> => {
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
      {
        socket: body.socket,
        pid,
        spare,
        turn,
        data: body.data,
        node: body.node,
        kept: readable(body, identity),
        marks,
      },
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
      const it = await taken(pid, { user: identity.user, guest });
      if (it === undefined) return fresh(socket, identity, guest, null);
      return comeBack(socket, it, identity, guest);
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
      keeping.touch(socket);
    },
    leave: ({ socket }, reason) => {
      const session = keeping.current(socket);
      const it = held.get(socket);
      keeping.forget(socket);
      if (it === undefined) return;
      if (session !== undefined && COMES_BACK.has(reason)) putBack(session);
      else keeping.drop(it);
    },
    holds: (socket) => held.get(socket)?.connection !== undefined,
    size: () => held.size,
    [Symbol.asyncDispose]: () => keeping[Symbol.asyncDispose](),
  };
};
