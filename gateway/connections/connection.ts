import type { Socket } from "socket.io";
import type { Identity } from "../auth/tokens.ts";
import type { Bucket } from "./rate.ts";

/** A client as this gateway holds it, from connect to disconnect. */
export interface Connection {
  readonly socket: Socket;
  /** What presence and lifecycle events know it by: the socket's id, and where it came back, how often. */
  readonly place: string;
  /** Replaced by auth:refresh; the user stays. */
  identity: Identity;
  readonly bucket: Bucket;
  /** Channels that he is in and watches. */
  rooms: number;
  /** Channels that he subscribed to himself: those that a lesser token takes from him. */
  readonly subscribed: Set<string>;
  /** Events that wait for their answer. */
  owed: number;
  /** Closes its transport. */
  close(): void;
}

/** All connections of this gateway by socket id. */
export type Connections = Map<string, Connection>;
