import type { BroadcastOptions, Room } from "socket.io-adapter";
import type { Lane, Member } from "./member.ts";

type Rooms = ReadonlyMap<Room, ReadonlySet<string>>;

/** The connected sockets of a namespace, and whom something is meant for. */
export class Members {
  readonly byId = new Map<string, Member>();
  /** Those whose rooms are not the adapter's at this moment. */
  readonly apart = new Set<Member>();
  /** As the adapter has them: as of the last call. */
  readonly #rooms: Rooms;
  /** Who has left a room by a call, and not yet by the Log. */
  readonly #leaving = new Map<Room, Set<string>>();

  constructor(rooms: Rooms) {
    this.#rooms = rooms;
  }

  add(member: Member): void {
    this.byId.set(member.socket.id, member);
    this.apart.add(member);
  }

  delete(id: string): void {
    const member = this.byId.get(id);
    if (member === undefined) return;
    this.byId.delete(id);
    this.apart.delete(member);
    for (const room of member.pending.keys()) this.forgetLeaving(room, id);
  }

  /** Whether it is connected still. */
  has(member: Member): boolean {
    return this.byId.get(member.socket.id) === member;
  }

  /** Its rooms may be the adapter's again. */
  settled(member: Member): void {
    if (member.pending.size === 0 && member.lane === undefined && member.start !== Infinity) this.apart.delete(member);
  }

  /** Up to here the rooms of all are as they were, where the Log has been read up to `index`. */
  movedUpTo(index: number): number {
    let upTo = index;
    for (const member of this.apart) upTo = Math.min(upTo, member.movedUpTo(index));
    return upTo;
  }

  /** Calls for each member that the entry `index` is meant for; those that are behind are for `behind`, or for nobody. */
  each(
    to: BroadcastOptions,
    index: number,
    call: (member: Member) => void,
    behind: (member: Member, lane: Lane) => void = () => {},
  ): void {
    if (this.apart.size === 0) return this.eachNow(to, call);
    const seen = new Set<string>();
    const visit = (id: string) => {
      const member = this.byId.get(id);
      if (member === undefined || seen.has(id) || !member.isMeant(to, index)) return;
      seen.add(id);
      if (member.lane === undefined) call(member);
      else behind(member, member.lane);
    };
    if (to.rooms.size === 0) for (const id of this.byId.keys()) visit(id);
    for (const room of to.rooms)
      for (const ids of [this.#rooms.get(room), this.#leaving.get(room)]) for (const id of ids ?? []) visit(id);
  }

  /** The same by the rooms as of the last call. */
  eachNow({ rooms, except }: BroadcastOptions, call: (member: Member) => void): void {
    const left =
      except === undefined || except.size === 0
        ? undefined
        : [...except].flatMap((room) => this.#rooms.get(room) ?? []);
    const seen = rooms.size > 1 ? new Set<string>() : undefined;
    const visit = (id: string) => {
      if (seen?.has(id) === true || left?.some((ids) => ids.has(id)) === true) return;
      seen?.add(id);
      const member = this.byId.get(id);
      if (member !== undefined) call(member);
    };
    if (rooms.size === 0) for (const id of this.byId.keys()) visit(id);
    for (const room of rooms) for (const id of this.#rooms.get(room) ?? []) visit(id);
  }

  now(to: BroadcastOptions): Member[] {
    const members: Member[] = [];
    this.eachNow(to, (member) => void members.push(member));
    return members;
  }

  addLeaving(room: Room, id: string): void {
    const ids = this.#leaving.get(room) ?? new Set();
    this.#leaving.set(room, ids.add(id));
  }
  forgetLeaving(room: Room, id: string): void {
    const ids = this.#leaving.get(room);
    if (ids?.delete(id) === true && ids.size === 0) this.#leaving.delete(room);
  }
}
