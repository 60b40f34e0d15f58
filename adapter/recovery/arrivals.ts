import type { Socket } from "socket.io";
import type { Room } from "socket.io-adapter";
import type { Lanes } from "./lanes.ts";
import { Member, type Standing } from "./member.ts";
import { meantFor } from "./meant.ts";
import type { Members } from "./members.ts";
import { insides } from "./outgoing.ts";
import type { Plane } from "./plane.ts";

/** What becomes a socket's when it comes back. */
export interface Resumption {
  standing: Standing;
  /** Of the last entry that the client has. */
  heardUpTo: number;
  turn: number;
  /** The secret that it gets where it cannot come back after all. */
  spare: string;
}

export interface ArrivalsOptions {
  log: Plane;
  members: Members;
  lanes: Lanes;
  /** What the app has joined it to so far. */
  roomsOf: (id: string) => Iterable<Room> | undefined;
}

/** Sockets that connect, as new ones or as those that they were before, and what is to be kept of them. */
export class Arrivals {
  readonly #options: ArrivalsOptions;
  readonly #resuming = new Map<string, Resumption>();

  constructor(options: ArrivalsOptions) {
    this.#options = options;
  }

  /** What `socket`, which is about to connect, is to become; it takes effect when it does. */
  resume(socket: Socket, resumption: Resumption): void {
    this.#resuming.set(socket.id, resumption);
    socket.conn.once("close", () => this.#resuming.delete(socket.id));
  }

  /** Whether all is there that such a socket needs. */
  covers(standing: Standing, heardUpTo: number): boolean {
    const { tail } = this.#options.log;
    return heardUpTo >= standing.known && Math.min(heardUpTo, standing.asOf) >= tail.floor;
  }

  /** Whether somebody disconnected the socket of that standing while it was away. */
  wasThrownOut(socket: Socket, standing: Standing): boolean {
    const { log } = this.#options;
    const ghost = new Member(socket, standing);
    for (const { message, index } of meantFor(ghost, log.tail, standing.asOf)) {
      if (message.kind === "disconnect") return true;
      if (message.kind === "join") ghost.join(message.rooms, index);
      if (message.kind === "leave") ghost.leave(message.rooms, index);
    }
    return false;
  }

  /** Where a connected socket stands. */
  standing(id: string): Standing | undefined {
    const { log, members } = this.#options;
    return members.byId.get(id)?.standing(log.place().index);
  }

  /** Up to here the rooms of all that are connected are as they were. */
  movedUpTo(): number {
    const { log, members } = this.#options;
    return members.movedUpTo(log.place().index);
  }

  /** Closes the connection that had the session before. */
  closeFormer(id: string, turn: number): void {
    const member = this.#options.members.byId.get(id);
    if (member === undefined || member.turn >= turn) return;
    const { _onclose: close } = insides(member.socket);
    close.call(member.socket, "transport close");
    member.socket.conn.close(true);
  }

  /** It has connected. */
  welcome(socket: Socket): void {
    const { members, lanes } = this.#options;
    const { id } = socket;
    const resumption = this.#resuming.get(id);
    this.#resuming.delete(id);
    if (resumption === undefined || !this.covers(resumption.standing, resumption.heardUpTo)) {
      if (resumption !== undefined) Object.assign(socket, { recovered: false, pid: resumption.spare });
      return this.#begin(socket, resumption?.turn ?? 0);
    }
    const { standing, heardUpTo, turn } = resumption;
    const member = new Member(socket, standing);
    member.turn = turn;
    member.recovers = true;
    members.add(member);
    lanes.begin(member, { at: Math.min(heardUpTo, standing.asOf), heardUpTo, movedUpTo: standing.asOf });
  }

  /** As a new one: its rooms begin behind all that this node said so far. */
  #begin(socket: Socket, turn: number): void {
    const { log, members, lanes, roomsOf } = this.#options;
    const rooms = [...(roomsOf(socket.id) ?? [])].map((room): [string, number] => [room, Infinity]);
    const member = new Member(socket, { start: Infinity, known: 0, rooms, left: [] });
    member.turn = turn;
    member.recovers = insides(socket).pid !== undefined;
    members.add(member);
    const { index: at } = log.place();
    lanes.begin(member, { at, heardUpTo: at, movedUpTo: at });
    log.program.behind(() => {
      const { index } = log.place();
      if (member.start === Infinity) member.start = index;
      for (const [room, from] of member.rooms) if (from === Infinity) member.rooms.set(room, index);
      members.settled(member);
    });
  }
}
