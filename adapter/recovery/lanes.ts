import type { Room } from "socket.io-adapter";
import type { RoomMessage } from "../cluster-message.ts";
import { jobOf } from "../gate.ts";
import type { Lane, Member } from "./member.ts";
import { meantFor } from "./meant.ts";
import type { Members } from "./members.ts";
import type { Plane } from "./plane.ts";

/** What a socket that is behind is given before its transport must have taken it, and how far it reads in one turn. */
const AT_ONCE = 256;
const READ_AT_ONCE = 5000;

export interface LanesOptions {
  log: Plane;
  members: Members;
  put: (member: Member, message: Extract<RoomMessage, { kind: "broadcast" }>, index: number) => void;
  move: (member: Member, kind: "join" | "leave", rooms: readonly Room[], index: number) => void;
  /** Who is owed the ack of that job: he goes on by `release`. */
  hold: (job: string) => Member | undefined;
  /** What it has not read yet is not there any more. */
  lost: (member: Member) => void;
}

/** Sockets that are behind the Log: each reads the tail by itself, by its own rooms, until it has caught up. */
export class Lanes {
  readonly #options: LanesOptions;

  constructor(options: LanesOptions) {
    this.#options = options;
  }

  /** From here on `member` is behind: it goes on, behind `at`, when it is released. */
  begin(member: Member, lane: Pick<Lane, "at" | "heardUpTo" | "movedUpTo">): void {
    member.lane = { ...lane, isHeld: true, isFull: false, acts: [] };
    this.#options.members.apart.add(member);
  }

  release(member: Member | undefined): void {
    if (member?.lane === undefined) return;
    member.lane.isHeld = false;
    this.advance(member);
  }

  /** Reads the tail for a socket that is behind, until it has caught up, or must wait. */
  advance(member: Member): void {
    const { lane } = member;
    const { tail } = this.#options.log;
    if (lane === undefined || lane.isHeld || lane.isFull || !this.#options.members.has(member)) return;
    if (lane.at < tail.floor) {
      member.rebase(tail.floor);
      this.end(member, lane);
      return this.#options.lost(member);
    }
    let given = 0;
    let read = 0;
    this.#options.log.program.now(() => {
      for (const entry of meantFor(member, tail, lane.at)) {
        if (given >= AT_ONCE || read >= READ_AT_ONCE) return this.#waitForTransport(member, lane);
        read += 1;
        lane.at = entry.index - 1;
        this.#runActs(lane, lane.at);
        if (this.#replay(member, lane, entry)) given += 1;
        if (lane.isHeld || !this.#options.members.has(member)) return;
        lane.at = entry.index;
        this.#runActs(lane, lane.at);
      }
      const { index } = this.#options.log.place();
      lane.at = Math.max(lane.at, index);
      this.#runActs(lane, lane.at);
      if (index >= Math.max(lane.heardUpTo, lane.movedUpTo)) this.end(member, lane);
    });
  }

  /** True where something was written. */
  #replay(member: Member, lane: Lane, { message, index }: { message: RoomMessage; index: number }): boolean {
    switch (message.kind) {
      case "join":
      case "leave":
        if (index > lane.movedUpTo) this.#options.move(member, message.kind, message.rooms, index);
        return false;
      case "disconnect":
        if (index > lane.movedUpTo) member.socket.disconnect(message.close);
        return false;
      case "broadcast": {
        if (index <= lane.heardUpTo || message.asker !== undefined || message.to.flags?.volatile === true) return false;
        const job = jobOf(message.to.flags);
        if (job !== undefined && this.#options.hold(job) === member) {
          lane.isHeld = true;
          return false;
        }
        this.#options.put(member, message, index);
        return true;
      }
    }
  }

  #waitForTransport(member: Member, lane: Lane): void {
    lane.isFull = true;
    const goOn = () => {
      lane.isFull = false;
      this.advance(member);
    };
    const { conn } = member.socket;
    if (Reflect.get(conn, "writeBuffer")?.length > 0) conn.once("drain", () => setImmediate(goOn));
    else setImmediate(goOn);
  }

  #runActs(lane: Lane, index: number): void {
    for (let [it] = lane.acts; it !== undefined && it.after <= index; [it] = lane.acts) {
      lane.acts.shift();
      it.act();
    }
  }

  end(member: Member, lane: Lane): void {
    member.lane = undefined;
    this.#options.log.program.now(() => this.#runActs(lane, Infinity));
    this.#options.members.settled(member);
  }
}
