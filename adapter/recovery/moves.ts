import type { Socket } from "socket.io";
import type { BroadcastOptions, Room } from "socket.io-adapter";
import type { Member } from "./member.ts";
import type { Members } from "./members.ts";
import type { Plane } from "./plane.ts";

export type Move = "join" | "leave";

export interface MovesOptions {
  nsp: string;
  log: Plane;
  members: Members;
  /** As `socket.rooms` tells. */
  roomsOf: (id: string) => ReadonlySet<Room> | undefined;
  /** Makes it so there. */
  moveNow: (id: string, kind: Move, rooms: readonly Room[]) => void;
  changed: (socket: Socket) => void;
}

/** Joins and leaves: at the call as `socket.rooms` tells, and by the Log as deliveries go. */
export class Moves {
  readonly #options: MovesOptions;

  constructor(options: MovesOptions) {
    this.#options = options;
  }

  /** What this node says. */
  say(members: readonly Member[], kind: Move, rooms: readonly Room[], to: BroadcastOptions): void {
    const { nsp, log, members: all, roomsOf, moveNow } = this.#options;
    const moved = members.flatMap((member) => {
      const has = roomsOf(member.socket.id);
      const own = rooms.filter((room) => has?.has(room) !== (kind === "join"));
      return own.length === 0 ? [] : [{ member, own }];
    });
    const single = to.rooms.size === 1 && members.length === 1 && to.rooms.has(members[0]?.socket.id ?? "");
    if (single && moved.length === 0) return;
    for (const { member, own } of moved) {
      for (const room of own) {
        member.pending.set(room, (member.pending.get(room) ?? 0) + 1);
        if (kind === "leave") all.addLeaving(room, member.socket.id);
      }
      all.apart.add(member);
      moveNow(member.socket.id, kind, own);
    }
    const said = log.say({ nsp, message: { kind, to, rooms: single ? (moved[0]?.own ?? []) : [...rooms] } });
    log.program.afterLast(() => {
      for (const { member, own } of moved) {
        const settle = () => {
          if (!said.landed) this.#place(member, kind, own, log.place().index);
          for (const room of own) this.#settle(member, room);
          all.settled(member);
        };
        if (member.lane === undefined) settle();
        else member.lane.acts.push({ after: log.place().index, act: settle });
      }
    });
  }

  /** What the Log says. */
  land(member: Member, kind: Move, rooms: readonly Room[], index: number): void {
    const { roomsOf, moveNow } = this.#options;
    this.#place(member, kind, rooms, index);
    const has = roomsOf(member.socket.id);
    const others = rooms.filter((room) => !member.pending.has(room) && has?.has(room) !== (kind === "join"));
    if (others.length > 0) moveNow(member.socket.id, kind, others);
  }

  #place(member: Member, kind: Move, rooms: readonly Room[], index: number): void {
    if (kind === "join") member.join(rooms, index);
    else member.leave(rooms, index);
    this.#options.changed(member.socket);
  }

  #settle(member: Member, room: Room): void {
    const { members, roomsOf, moveNow } = this.#options;
    const { id } = member.socket;
    const left = (member.pending.get(room) ?? 1) - 1;
    if (left > 0) return void member.pending.set(room, left);
    member.pending.delete(room);
    members.forgetLeaving(room, id);
    if (!members.has(member)) return;
    const isIn = member.rooms.has(room);
    if (isIn !== (roomsOf(id)?.has(room) === true)) moveNow(id, isIn ? "join" : "leave", [room]);
  }
}
