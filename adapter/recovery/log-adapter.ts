import type { Namespace, Socket } from "socket.io";
import type { BroadcastOptions, Room } from "socket.io-adapter";
import { PacketType } from "socket.io-parser";
import { ANSWER_MS, BusAdapter, EncodedPacket, type Acks, type NodeContext, type Packet } from "../bus-adapter.ts";
import type { Answer, Asker } from "../cluster-message.ts";
import { decodeFrames, encodeEvent, encodeValues, type Frames } from "../frames.ts";
import { jobOf } from "../gate.ts";
import type { Place } from "../log/port.ts";
import type { Subscription } from "../port.ts";
import { orderDirect, type DirectOptions } from "./direct.ts";
import type { Entry } from "./entry.ts";
import { Lanes } from "./lanes.ts";
import { Member, type Standing } from "./member.ts";
import { Members } from "./members.ts";
import { formatOffset } from "./offset.ts";
import { insides, Outgoing } from "./outgoing.ts";
import type { Plane, Reader } from "./plane.ts";

/** Told to clients of which something is missing. */
const LOST_EVENT = "recovery:lost";

type Move = "join" | "leave";
type Broadcast = Extract<Entry["message"], { kind: "broadcast" }>;

/** What becomes a socket's when it comes back. */
export interface Resumption {
  standing: Standing;
  /** Of the last entry that the client has. */
  heardUpTo: number;
  turn: number;
  /** The secret that it gets where it cannot come back after all. */
  spare: string;
}

/**
 * A socket.io adapter over a Log and a Bus: what clients and rooms can observe takes effect where it stands in the Log, on the node that
 * said it too; questions between nodes go over the Bus. A socket's own rooms (`socket.rooms`) change at the call; deliveries go by the
 * rooms as of the entry. What is said to one socket directly waits behind all that this node said before.
 */
export class LogAdapter extends BusAdapter implements Reader {
  readonly #log: Plane;
  readonly #namespace: Namespace;
  readonly #members = new Members(this.rooms);
  readonly #lanes: Lanes;
  readonly #asked = new Map<number, { asked: (clients: number) => void; ack: Acks }>();
  readonly #resuming = new Map<string, Resumption>();
  readonly #changed: (socket: Socket) => void;
  readonly #reading: Disposable;

  constructor(nsp: Namespace, node: NodeContext, log: Plane, changed: (socket: Socket) => void = () => {}) {
    super(nsp, node);
    this.#log = log;
    this.#namespace = nsp;
    this.#changed = changed;
    this.#reading = log.add(this);
    this.#lanes = new Lanes({
      log,
      members: this.#members,
      put: (member, message, index) => this.#put(member, this.#outgoing(message), this.#offset(index)),
      move: (member, kind, rooms, index) => this.#move(member, kind, rooms, index),
      hold: (job) => this.#owed(job),
      lost: (member) => this.#tellLost(member, Date.now()),
    });
    const direct: DirectOptions = {
      nsp: nsp.name,
      encode: (packet) => this.#encoded(packet),
      written: (frames) => this.#written(frames),
      // The client is told when what the app joined it to in the same turn holds: from then on nobody can miss it.
      connected: ({ id }, tell) =>
        queueMicrotask(() =>
          log.program.behind(() => {
            tell();
            this.#lanes.release(this.#members.byId.get(id));
          }),
        ),
      inTurn: (socket, act) => this.#inTurn(socket, act),
      offsetOf: ({ id }) => {
        const member = this.#members.byId.get(id);
        return member?.recovers === true ? this.#offset(member.lane?.at ?? this.#log.place().index) : undefined;
      },
      isPaying: ({ id }) => this.node.gate?.isPaying?.(id) === true,
    };
    nsp.use((socket, next) => {
      orderDirect(socket, direct);
      next();
    });
  }

  override async subscribe(): Promise<Subscription> {
    const subscription = await super.subscribe();
    return {
      [Symbol.asyncDispose]: async () => {
        this.#reading[Symbol.dispose]();
        await subscription[Symbol.asyncDispose]();
      },
    };
  }

  // What this node says.

  override broadcast(packet: Packet, options: BroadcastOptions): void {
    packet.nsp = this.#namespace.name;
    const frames = encodeEvent(packet.nsp, packet.data);
    if (options.flags?.local === true)
      return this.#log.program.behind(() => this.#writeUnplaced(this.#outgoing({ frames, to: options }), options));
    this.#log.say({ nsp: packet.nsp, message: { kind: "broadcast", to: options, frames } });
  }

  override broadcastWithAck(
    packet: Packet,
    options: BroadcastOptions,
    asked: (clients: number) => void,
    ack: Acks,
  ): void {
    if (options.flags?.local === true)
      return this.#log.program.behind(() => super.broadcastWithAck(packet, options, asked, ack));
    const heard = ({ kind, count, frames }: Answer) => {
      if (kind === "asked") asked(count);
      else ack(...decodeFrames(frames));
    };
    const request = this.node.questions.ask({ nodes: [], timeoutMs: options.flags?.timeout ?? ANSWER_MS, heard });
    const frames = encodeEvent(this.#namespace.name, packet.data);
    this.#asked.set(request, { asked, ack });
    this.#log.say({
      nsp: this.#namespace.name,
      message: { kind: "broadcast", to: options, frames, asker: this.asker(request) },
    });
    this.#log.program.afterLast(() => void this.#asked.delete(request));
  }

  override addAll(id: string, rooms: Set<Room>): Promise<void> | void {
    const member = this.#members.byId.get(id);
    if (member !== undefined) {
      this.#moveOwn([member], "join", [...rooms], { rooms: new Set([id]) });
      const active = this.active(rooms);
      return new Promise((resolve) => this.#log.program.afterLast(() => resolve(active)));
    }
    const joined = super.addAll(id, rooms);
    const socket = this.#namespace.sockets.get(id);
    if (socket !== undefined && rooms.has(id)) this.#welcome(socket);
    return joined;
  }

  /** Resolves when nothing that is said from now on reaches the socket there. */
  override del(id: string, room: Room): Promise<void> | void {
    const member = this.#members.byId.get(id);
    if (member === undefined) return super.del(id, room);
    this.#moveOwn([member], "leave", [room], { rooms: new Set([id]) });
    return new Promise((resolve) => this.#log.program.afterLast(resolve));
  }

  override delAll(id: string): void {
    this.#members.delete(id);
    super.delAll(id);
  }

  override addSockets(options: BroadcastOptions, rooms: Room[]): void {
    if (options.flags?.local === true)
      return this.#members.eachNow(options, (member) => void member.socket.join(rooms));
    this.#moveOwn(this.#members.now(options), "join", rooms, options);
  }

  override delSockets(options: BroadcastOptions, rooms: Room[]): void {
    if (options.flags?.local !== true) return this.#moveOwn(this.#members.now(options), "leave", rooms, options);
    this.#members.eachNow(options, ({ socket }) => {
      for (const room of rooms) void socket.leave(room);
    });
  }

  override disconnectSockets(options: BroadcastOptions, close: boolean): void {
    const here = () => this.#members.eachNow(options, ({ socket }) => void socket.disconnect(close));
    if (options.flags?.local === true) return this.#log.program.behind(here);
    const said = this.#log.say({ nsp: this.#namespace.name, message: { kind: "disconnect", to: options, close } });
    this.#log.program.afterLast(() => {
      if (!said.landed) here();
    });
  }

  /** What came without a place: by publishers that know no Log. */
  protected override write(packet: Packet | EncodedPacket, options: BroadcastOptions): void {
    const frames = packet instanceof EncodedPacket ? packet.frames : encodeEvent(this.#namespace.name, packet.data);
    this.#writeUnplaced(this.#outgoing({ frames, to: options }), options);
  }

  // What the Log says.

  land(entry: Entry): void {
    const { message, nsp } = entry;
    if (message.kind === "taken") return this.closeFormer(message.socket, message.turn);
    if (nsp !== this.#namespace.name || message.kind === "mark") return;
    switch (message.kind) {
      case "broadcast":
        return message.asker === undefined ? this.#deliver(entry, message) : this.#ask(entry, message, message.asker);
      case "join":
      case "leave":
        return this.#members.each(message.to, entry.index, (member) =>
          this.#move(member, message.kind, message.rooms, entry.index),
        );
      case "disconnect":
        return this.#members.each(message.to, entry.index, ({ socket }) => void socket.disconnect(message.close));
    }
  }

  landedAll(): void {
    for (const member of this.#members.apart) if (member.lane !== undefined) this.#lanes.advance(member);
  }

  cut(to: Place, since: number): void {
    for (const member of this.#members.byId.values()) {
      const { lane } = member;
      member.rebase(to.index);
      if (lane !== undefined) this.#lanes.end(member, lane);
      this.#tellLost(member, since);
    }
  }

  // Sockets that come back.

  /** What `socket`, which is about to connect, is to become; it takes effect when it does. */
  resume(socket: Socket, resumption: Resumption): void {
    this.#resuming.set(socket.id, resumption);
    socket.conn.once("close", () => this.#resuming.delete(socket.id));
  }

  /** Whether all is there that such a socket needs. */
  covers(standing: Standing, heardUpTo: number): boolean {
    const { tail } = this.#log;
    return heardUpTo >= standing.known && Math.min(heardUpTo, standing.asOf) >= tail.floor;
  }

  /** Up to here the rooms of all members are as they were. */
  movedUpTo(): number {
    let { index } = this.#log.place();
    for (const member of this.#members.apart) index = Math.min(index, member.movedUpTo(index));
    return index;
  }

  /** Whether somebody disconnected the socket of that standing while it was away. */
  wasThrownOut(socket: Socket, standing: Standing): boolean {
    const ghost = new Member(socket, standing);
    for (const { nsp, message, index } of this.#log.tail.after(standing.asOf)) {
      if (nsp !== this.#namespace.name || !("to" in message) || !ghost.isMeant(message.to, index)) continue;
      if (message.kind === "disconnect") return true;
      if (message.kind === "join") ghost.join(message.rooms, index);
      if (message.kind === "leave") ghost.leave(message.rooms, index);
    }
    return false;
  }

  /** Puts a socket that came back into its rooms. */
  begin(id: string): void {
    const member = this.#members.byId.get(id);
    if (member !== undefined) void super.addAll(id, new Set(member.rooms.keys()));
  }

  /** Where a connected socket stands. */
  standing(id: string): Standing | undefined {
    return this.#members.byId.get(id)?.standing(this.#log.place().index);
  }

  /** Closes the connection that had the session before. */
  closeFormer(id: string, turn: number): void {
    const member = this.#members.byId.get(id);
    if (member === undefined || member.turn >= turn) return;
    const { _onclose: close } = insides(member.socket);
    close.call(member.socket, "transport close");
    member.socket.conn.close(true);
  }

  #welcome(socket: Socket): void {
    const { id } = socket;
    const resumption = this.#resuming.get(id);
    this.#resuming.delete(id);
    if (resumption !== undefined && this.covers(resumption.standing, resumption.heardUpTo)) {
      const member = new Member(socket, resumption.standing);
      member.turn = resumption.turn;
      member.recovers = true;
      this.#members.add(member);
      const { standing, heardUpTo } = resumption;
      const at = Math.min(heardUpTo, standing.asOf);
      return this.#lanes.begin(member, { at, heardUpTo, movedUpTo: standing.asOf });
    }
    if (resumption !== undefined) Object.assign(socket, { recovered: false, pid: resumption.spare });
    const rooms = [...(this.socketRooms(id) ?? [])].map((room): [string, number] => [room, Infinity]);
    const member = new Member(socket, { start: Infinity, known: 0, rooms, left: [] });
    member.turn = resumption?.turn ?? 0;
    member.recovers = insides(socket).pid !== undefined;
    this.#members.add(member);
    const { index: at } = this.#log.place();
    this.#lanes.begin(member, { at, heardUpTo: at, movedUpTo: at });
    this.#log.program.behind(() => {
      const { index } = this.#log.place();
      if (member.start === Infinity) member.start = index;
      for (const [room, from] of member.rooms) if (from === Infinity) member.rooms.set(room, index);
      this.#members.settled(member);
    });
  }

  // Deliveries.

  #deliver(entry: Entry, message: Broadcast): void {
    const held = this.#hold(entry, message);
    const out = this.#outgoing(message);
    const offset = this.#offset(entry.index);
    this.#members.each(message.to, entry.index, (member) => {
      if (member !== held) this.#put(member, out, offset);
    });
  }

  /** Who is owed the ack of the job that the entry is about: he goes on when he has it. */
  #hold(entry: Entry, { to }: Broadcast): Member | undefined {
    const job = jobOf(to.flags);
    const member = job === undefined ? undefined : this.#owed(job);
    if (member === undefined || member.lane !== undefined || !member.isMeant(to, entry.index)) return undefined;
    const at = entry.index - 1;
    this.#lanes.begin(member, { at, heardUpTo: at, movedUpTo: at });
    return member;
  }

  #owed(job: string): Member | undefined {
    const id = this.node.gate?.hold(job, (paid) => this.#lanes.release(this.#members.byId.get(paid)));
    return id === undefined ? undefined : this.#members.byId.get(id);
  }

  #outgoing({ frames, to: { flags } }: Pick<Broadcast, "frames" | "to">): Outgoing {
    return new Outgoing(frames, flags, this.#written);
  }

  #put(member: Member, out: Outgoing, offset: string): void {
    out.writeTo(member.socket, member.recovers ? offset : undefined);
  }

  /** To those who are in the rooms as of now, with the place that each has reached. */
  #writeUnplaced(out: Outgoing, to: BroadcastOptions): void {
    const { index } = this.#log.place();
    const offset = this.#offset(index);
    this.#members.each(
      to,
      index + 1,
      (member) => this.#put(member, out, offset),
      (member, lane) => lane.acts.push({ after: index, act: () => this.#put(member, out, offset) }),
    );
  }

  #ask(entry: Entry, { to, frames }: Broadcast, asker: Asker): void {
    const mine = entry.own === undefined ? undefined : this.#asked.get(asker.request);
    const told = mine?.asked ?? ((clients: number) => this.answer(asker, "asked", clients, []));
    const heard = mine?.ack ?? ((...args: unknown[]) => this.answer(asker, "ack", 0, encodeValues(args)));
    const meant: string[] = [];
    const packet: object = { type: PacketType.EVENT, nsp: this.#namespace.name, data: decodeFrames(frames) };
    this.#members.each(to, entry.index, ({ socket }) => meant.push(socket.id));
    const target = { rooms: new Set(meant), flags: { ...to.flags, local: true } };
    if (meant.length === 0) told(0);
    else super.broadcastWithAck(packet as Packet, target, told, heard);
  }

  // Moves.

  /** Joins or leaves at the call, as `socket.rooms` tells, and by the Log, as deliveries go. */
  #moveOwn(members: readonly Member[], kind: Move, rooms: readonly Room[], to: BroadcastOptions): void {
    const moved = members.flatMap((member) => {
      const has = this.socketRooms(member.socket.id);
      const own = rooms.filter((room) => has?.has(room) !== (kind === "join"));
      return own.length === 0 ? [] : [{ member, own }];
    });
    const single = to.rooms.size === 1 && members.length === 1 && to.rooms.has(members[0]?.socket.id ?? "");
    if (single && moved.length === 0) return;
    for (const { member, own } of moved) {
      for (const room of own) {
        member.pending.set(room, (member.pending.get(room) ?? 0) + 1);
        if (kind === "leave") this.#members.addLeaving(room, member.socket.id);
      }
      this.#members.apart.add(member);
      this.#moveNow(member, kind, own);
    }
    const said = this.#log.say({
      nsp: this.#namespace.name,
      message: { kind, to, rooms: single ? (moved[0]?.own ?? []) : [...rooms] },
    });
    this.#log.program.afterLast(() => {
      for (const { member, own } of moved) {
        const settle = () => {
          if (!said.landed) this.#place(member, kind, own, this.#log.place().index);
          for (const room of own) this.#settle(member, room);
          this.#members.settled(member);
        };
        if (member.lane === undefined) settle();
        else member.lane.acts.push({ after: this.#log.place().index, act: settle });
      }
    });
  }

  #moveNow({ socket: { id } }: Member, kind: Move, rooms: readonly Room[]): void {
    if (kind === "join") void super.addAll(id, new Set(rooms));
    else for (const room of rooms) void super.del(id, room);
  }

  /** By the Log. */
  #move(member: Member, kind: Move, rooms: readonly Room[], index: number): void {
    this.#place(member, kind, rooms, index);
    const has = this.socketRooms(member.socket.id);
    const others = rooms.filter((room) => !member.pending.has(room) && has?.has(room) !== (kind === "join"));
    if (others.length > 0) this.#moveNow(member, kind, others);
  }

  #place(member: Member, kind: Move, rooms: readonly Room[], index: number): void {
    if (kind === "join") member.join(rooms, index);
    else member.leave(rooms, index);
    this.#changed(member.socket);
  }

  #settle(member: Member, room: Room): void {
    const { id } = member.socket;
    const left = (member.pending.get(room) ?? 1) - 1;
    if (left > 0) return void member.pending.set(room, left);
    member.pending.delete(room);
    this.#members.forgetLeaving(room, id);
    if (!this.#members.has(member)) return;
    const isIn = member.rooms.has(room);
    if (isIn !== (this.socketRooms(id)?.has(room) === true)) this.#moveNow(member, isIn ? "join" : "leave", [room]);
  }

  #tellLost(member: Member, since: number): void {
    this.#changed(member.socket);
    if (!member.recovers) return;
    const out = new Outgoing(encodeEvent(this.#namespace.name, [LOST_EVENT, { since }]), {}, this.#written);
    this.#put(member, out, this.#offset(this.#log.place().index));
  }

  // What is said to one socket.

  #inTurn(socket: Socket, act: () => void): void {
    this.#log.program.behind(() => {
      const lane = this.#members.byId.get(socket.id)?.lane;
      if (lane === undefined || (!lane.isHeld && lane.at >= this.#log.place().index)) act();
      else lane.acts.push({ after: this.#log.place().index, act });
    });
  }

  readonly #written = (frames: Frames): Frames =>
    this.standardParser
      ? frames
      : this.#encoded({ type: PacketType.EVENT, nsp: this.#namespace.name, data: decodeFrames(frames) });

  /** socket.io's types name the packet's type by an enum of their own copy of the parser. */
  #encoded(packet: object): Frames {
    return this.encode(packet as Packet);
  }

  #offset(index: number): string {
    return formatOffset({ epoch: this.#log.place().epoch, index });
  }
}
