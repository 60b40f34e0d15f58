import type { Socket } from "socket.io";
import type { BroadcastOptions } from "socket.io-adapter";

/** Rooms that a socket has left and may still have to be told of what came before; more are forgotten, the oldest first. */
const MAX_LEFT = 256;
/** Of what was written to a socket last so many places are known. */
const MAX_GIVEN = 16;

/** Where a socket stands in the Log: what it was in at which place. */
export interface Standing {
  /** Connected behind this place; Infinity: with its first join. */
  start: number;
  /** What it was in before this is not known any more. */
  known: number;
  /** All up to this place is in `rooms` and `left`. */
  asOf: number;
  /** Joined behind. */
  rooms: [room: string, from: number][];
  /** Was in it behind `from`, up to `to`. */
  left: [room: string, from: number, to: number][];
  /** Up to this place all that was meant for it was written to it. */
  givenUpTo: number;
  /** Where the last 16 of that stand, the newest last. */
  given: number[];
}

/** Up to where a client that shows the place `shown` has all that was meant for it: of what it was given behind that, the first may not have arrived. */
export const hasUpTo = (
  shown: number,
  { known, given, givenUpTo }: Pick<Standing, "known" | "given" | "givenUpTo">,
): number => {
  if (shown < known) return shown;
  const at = given.findIndex((index) => index > shown);
  if (at === 0 && given.length >= MAX_GIVEN) return shown;
  return Math.max(shown, (given[at] ?? givenUpTo + 1) - 1);
};

/** A socket as deliveries see it: its rooms as of the last entry delivered, where the adapter's own are as of the last call. */
export class Member {
  readonly socket: Socket;
  readonly nsp: string;
  start: number;
  known: number;
  readonly rooms: Map<string, number>;
  left: Standing["left"];
  /** Told places, and kept for when it comes back. */
  recovers = false;
  turn = 0;
  /** Where what was written to it stands, the newest last. */
  given: number[] = [];
  /** Its own joins and leaves that the Log has not given back yet, by room. */
  readonly pending = new Map<string, number>();
  /** Behind the others: it reads the tail by itself. */
  lane: Lane | undefined;

  constructor(socket: Socket, { start, known, rooms, left }: Pick<Standing, "start" | "known" | "rooms" | "left">) {
    this.socket = socket;
    this.known = known;
    this.nsp = socket.nsp.name;
    this.start = start;
    this.rooms = new Map(rooms);
    this.left = left;
  }

  /** The entry at `index` was written to it. */
  give(index: number): void {
    if (this.given.push(index) > MAX_GIVEN) this.given.shift();
  }

  join(rooms: Iterable<string>, index: number): void {
    this.start = Math.min(this.start, index);
    for (const room of rooms) if (!this.rooms.has(room)) this.rooms.set(room, index);
  }

  leave(rooms: Iterable<string>, index: number): void {
    for (const room of rooms) {
      const from = this.rooms.get(room);
      if (from === undefined) continue;
      this.rooms.delete(room);
      if (this.recovers) this.left.push([room, from, index]);
    }
    if (this.left.length <= MAX_LEFT) return;
    const [, , to] = this.left[this.left.length - MAX_LEFT - 1] ?? ["", 0, 0];
    this.left = this.left.slice(-MAX_LEFT);
    this.known = Math.max(this.known, to);
  }

  /** Whether it was in the room when the entry `index` was said. */
  isIn(room: string, index: number): boolean {
    if ((this.rooms.get(room) ?? Infinity) < index) return true;
    return this.left.some(([left, from, to]) => left === room && from < index && index < to);
  }

  /** The rooms that it is in, and those that are known that it was in. */
  everIn(): Iterable<string> {
    return this.left.length === 0 ? this.rooms.keys() : [...this.rooms.keys(), ...this.left.map(([room]) => room)];
  }

  isMeant({ rooms, except }: BroadcastOptions, index: number): boolean {
    if (except !== undefined) for (const room of except) if (this.isIn(room, index)) return false;
    if (rooms.size === 0) return this.start < index;
    for (const room of rooms) if (this.isIn(room, index)) return true;
    return false;
  }

  /** Its rooms are as of this place. */
  movedUpTo(index: number): number {
    return this.lane === undefined ? index : Math.max(this.lane.at, this.lane.movedUpTo);
  }

  /** Another history began behind `index`: places before it mean nothing any more. */
  rebase(index: number): void {
    this.start = index;
    this.known = index;
    this.left = [];
    this.given = [];
    for (const room of this.rooms.keys()) this.rooms.set(room, index);
  }

  /** Where it stands when the Log has been read up to `index`. */
  standing(index: number): Standing {
    const asOf = this.movedUpTo(index);
    const rooms = [...this.rooms].map(([room, from]): [string, number] => [room, Math.min(from, asOf)]);
    return {
      start: Math.min(this.start, asOf),
      known: Math.min(this.known, asOf),
      asOf,
      rooms,
      left: [...this.left],
      givenUpTo: this.lane === undefined ? index : Math.max(this.lane.at, this.lane.heardUpTo),
      given: [...this.given],
    };
  }
}

/** The way of a socket that is behind. */
export interface Lane {
  /** Of the last entry that it is through with. */
  at: number;
  /** Up to here it has what was said (the client told so), up to here its rooms are as they were. */
  heardUpTo: number;
  movedUpTo: number;
  /** Waits for its ack: not before this is over. */
  isHeld: boolean;
  /** Waits for the transport. */
  isFull: boolean;
  /** What is to be done once it is through with that place. */
  acts: { after: number; act: () => void }[];
}
