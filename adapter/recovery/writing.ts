import type { Socket } from "socket.io";
import { PacketType } from "socket.io-parser";
import { decodeFrames, encodeEvent, type Frames } from "../frames.ts";
import { jobOf } from "../gate.ts";
import type { JobGate } from "../port.ts";
import type { Entry } from "./entry.ts";
import type { Lanes } from "./lanes.ts";
import type { Member } from "./member.ts";
import type { Members } from "./members.ts";
import { formatOffset } from "./offset.ts";
import { Outgoing } from "./outgoing.ts";
import type { Plane } from "./plane.ts";

export type Broadcast = Extract<Entry["message"], { kind: "broadcast" }>;

/** Told to clients of which something is missing. */
const LOST_EVENT = "recovery:lost";

export interface WritingOptions {
  nsp: string;
  log: Plane;
  members: Members;
  lanes: Lanes;
  gate: () => JobGate | undefined;
  /** By the app's parser. */
  encode: (packet: object) => Frames;
  standardParser: boolean;
  /** What is kept of the socket has changed. */
  changed: (socket: Socket) => void;
}

/** What is written to this node's sockets: in the Log's order, each with its place. */
export class Writing {
  readonly #options: WritingOptions;

  constructor(options: WritingOptions) {
    this.#options = options;
  }

  /** What the entry says, to those whom it is meant for and who are not behind. */
  land(entry: Entry, message: Broadcast): void {
    const held = this.#hold(entry, message);
    const out = this.#outgoing(message);
    const offset = this.offset(entry.index);
    this.#options.members.each(message.to, entry.index, (member) => {
      if (member !== held) this.#give(member, out, entry.index, offset, message);
    });
  }

  /** The entry at `index`, to one. */
  put(member: Member, message: Pick<Broadcast, "frames" | "to">, index: number): void {
    this.#give(member, this.#outgoing(message), index, this.offset(index), message);
  }

  /** To those who are in the rooms as of now, with the place that each has reached. */
  putUnplaced(message: Pick<Broadcast, "frames" | "to">): void {
    const { log, members } = this.#options;
    const out = this.#outgoing(message);
    const { index } = log.place();
    const offset = this.offset(index);
    members.each(
      message.to,
      index + 1,
      (member) => this.#put(member, out, offset),
      (member, lane) => lane.acts.push({ after: index, act: () => this.#put(member, out, offset) }),
    );
  }

  /** Tells a client that something is missing since then, ms since the epoch. */
  tellLost(member: Member, since: number): void {
    this.#options.changed(member.socket);
    if (!member.recovers) return;
    const frames = encodeEvent(this.#options.nsp, [LOST_EVENT, { since }]);
    this.put(member, { frames, to: { rooms: new Set() } }, this.#options.log.place().index);
  }

  /** Runs `act` behind all that this node said, and that the socket has not been given yet. */
  inTurn(socket: Socket, act: () => void): void {
    const { log, members } = this.#options;
    log.program.behind(() => {
      const lane = members.byId.get(socket.id)?.lane;
      if (lane === undefined || (!lane.isHeld && lane.at >= log.place().index)) act();
      else lane.acts.push({ after: log.place().index, act });
    });
  }

  /** Who is owed the ack of that job: he goes on when he has it. */
  owed(job: string): Member | undefined {
    const { gate, lanes, members } = this.#options;
    const id = gate()?.hold(job, (paid) => lanes.release(members.byId.get(paid)));
    return id === undefined ? undefined : members.byId.get(id);
  }

  #outgoing({ frames, to: { flags } }: Pick<Broadcast, "frames" | "to">): Outgoing {
    return new Outgoing(frames, flags, this.written);
  }

  offset(index: number): string {
    return formatOffset({ epoch: this.#options.log.place().epoch, index });
  }

  /** An event's frames by the app's parser. */
  readonly written = (frames: Frames): Frames => {
    const { standardParser, encode, nsp } = this.#options;
    return standardParser ? frames : encode({ type: PacketType.EVENT, nsp, data: decodeFrames(frames) });
  };

  #give(member: Member, out: Outgoing, index: number, offset: string, { to }: Pick<Broadcast, "to">): void {
    if (member.recovers && to.flags?.volatile !== true) member.give(index);
    this.#put(member, out, offset);
  }

  #put(member: Member, out: Outgoing, offset: string): void {
    out.writeTo(member.socket, member.recovers ? offset : undefined);
  }

  #hold(entry: Entry, { to }: Broadcast): Member | undefined {
    const job = jobOf(to.flags);
    const member = job === undefined ? undefined : this.owed(job);
    if (member === undefined || member.lane !== undefined || !member.isMeant(to, entry.index)) return undefined;
    const at = entry.index - 1;
    this.#options.lanes.begin(member, { at, heardUpTo: at, movedUpTo: at });
    return member;
  }
}
