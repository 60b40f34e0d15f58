import type { Kept } from "#adapter";
import type { Session } from "#store";
import type { Socket } from "socket.io";
import type { Identity } from "../auth/tokens.ts";
import type { Connection } from "../connections/connection.ts";
import { encodeBody } from "./session-body.ts";

/** A client that is here, or about to be. */
export interface Held {
  pid: string;
  turn: number;
  /** Of what was written of it last. */
  version: number;
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
  /** Up to where in the log the store knows what it was given. */
  keptUpTo: number;
}

export const newHeld = (it: Partial<Held> & Pick<Held, "pid" | "guest">): Held => ({
  turn: 0,
  version: 0,
  spare: "",
  subscribed: [],
  taken: undefined,
  lostSince: undefined,
  connection: undefined,
  data: "{}",
  keptUpTo: 0,
  ...it,
});

export const placeOf = (id: string, turn: number): string => (turn === 0 ? id : `${id}~${turn}`);
/** The socket's id in the name that presence knows a connection by. */
export const socketOfPlace = (place: string): string => place.split("~", 1)[0] ?? place;

/** A session as `node` keeps it; undefined where it cannot be written. */
export const sessionOf = (
  socket: Socket,
  { pid, guest, turn, version }: Held,
  { user, jti, issuedAt }: Identity,
  { node, at, kept, subscribed = [] }: { node: string; at: number; kept: Kept; subscribed?: Iterable<string> },
): Session | undefined => {
  const data: unknown = socket.data;
  const body = encodeBody({ socket: socket.id, node, at, data, jti, issuedAt, subscribed: [...subscribed], kept });
  return body && { pid, user, guest, turn, version, body };
};
