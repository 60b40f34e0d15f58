import type { Log } from "#process";
import type { Socket } from "socket.io";
import type { Sweep } from "../auth/sweep.ts";
import type { Arrival, SessionKeeper } from "../recovery/sessions.ts";
import type { Tokens } from "../auth/tokens.ts";
import type { Lifecycle } from "../lifecycle/open-lifecycle.ts";
import { endOf, type Refusals } from "../refusals.ts";
import { roomsAtConnect } from "./admit.ts";
import type { Connection, Connections } from "./connection.ts";
import { listenTo } from "./events.ts";
import { fullBucket } from "./rate.ts";

export interface WelcomeOptions {
  connections: Connections;
  /** Who the middleware let in. */
  admitted: (socket: Socket) => Arrival | undefined;
  /** Undefined: nobody comes back. */
  sessions: Pick<SessionKeeper, "welcome" | "leave"> | undefined;
  handle: (connection: Connection, packet: readonly unknown[], next: () => void) => void;
  lifecycle: Lifecycle;
  tokens: Pick<Tokens, "sign">;
  sweep: Pick<Sweep, "check">;
  eventsPerSecond: number | undefined;
  /** An app of one's own: it hears errors itself, and its clients get nothing unasked. */
  ownApp: boolean;
  refusals: Refusals;
  clock: () => number;
  log: Log;
}

/** Takes a connection that was let in: holds it until it goes, joins it to its rooms, gives an anonymous user his token. */
export const createWelcome =
  ({
    connections,
    admitted,
    sessions,
    handle,
    lifecycle,
    tokens,
    sweep,
    eventsPerSecond,
    ownApp,
    refusals,
    clock,
    log,
  }: WelcomeOptions): ((socket: Socket) => void) =>
  (socket) => {
    const arrival = admitted(socket);
    if (arrival === undefined) return void socket.disconnect(true);
    const { identity, place } = arrival;
    const { id } = socket;
    const { user } = identity;
    const connection: Connection = {
      socket,
      place,
      identity,
      bucket: fullBucket(eventsPerSecond ?? 0, clock()),
      rooms: 0,
      subscribed: new Set(),
      owed: 0,
      close: () => socket.conn.close(),
    };
    connections.set(id, connection);
    listenTo(socket, (packet, next) => handle(connection, packet, next));
    socket.on("disconnecting", (reason) => {
      lifecycle.disconnecting(connection);
      sessions?.leave(connection, reason);
    });
    let broken: string | undefined;
    if (!ownApp) socket.on("error", () => (broken = "parse error"));
    socket.on("disconnect", (reason, description) => {
      connections.delete(id);
      refusals.closed(broken ?? endOf(reason, description));
      lifecycle.disconnected(connection, reason);
      // A transport that has nothing to carry any more: to connect anew over it would cost no handshake, and no limit.
      if (!ownApp && reason === "client namespace disconnect") socket.conn.close();
    });
    sessions?.welcome(connection);
    void socket.join(roomsAtConnect(identity));
    lifecycle.connected(connection);
    if (sweep.check(connection)) return;
    if (!identity.anonymous || ownApp) return;
    tokens.sign(identity).then(
      (token) => socket.emit("session", { user, token }),
      (error: unknown) => log.error({ err: error }, "a session could not be signed"),
    );
  };
