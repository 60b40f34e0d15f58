import type { Namespace, Socket } from "socket.io";
import type { BroadcastOptions, Room } from "socket.io-adapter";
import { PacketType } from "socket.io-parser";
import { ANSWER_MS, BusAdapter, EncodedPacket, type Acks, type NodeContext, type Packet } from "../bus-adapter.ts";
import type { Answer, Asker } from "../cluster-message.ts";
import { decodeFrames, encodeEvent, encodeValues, type Frames } from "../frames.ts";
import { jobOf } from "../gate.ts";
import type { Place } from "../log/port.ts";
import type { Subscription } from "../port.ts";
import type { Entry } from "./entry.ts";
import { Member, type Lane, type Standing } from "./member.ts";
import { formatOffset } from "./offset.ts";
import { insides, Outgoing, withArgument, type WriteOptions } from "./outgoing.ts";
import type { Plane, Reader } from "./plane.ts";

/** Told to clients of which something is missing. */
const LOST_EVENT = "recovery:lost";
/** What a socket that is behind is given before its transport must have taken it, and how far it reads in one turn. */
const AT_ONCE = 256;
const READ_AT_ONCE = 5000;

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

const laneAt = ({ standing, heardUpTo }: Pick<Resumption, "standing" | "heardUpTo">): Lane => ({
  at: Math.min(heardUpTo, standing.asOf),
  heardUpTo,
  movedUpTo: standing.asOf,
  isHeld: true,
  isFull: false,
  acts: [],
});

/**
 * A socket.io adapter over a Log and a Bus: what clients and rooms can observe takes effect where it stands in the Log, on the node that
 * said it too; questions between nodes go over the Bus. A socket's own rooms (`socket.rooms`) change at the call; deliveries go by the
 * rooms as of the entry. What is said to one socket directly waits behind all that this node said before.
 */
export class LogAdapter extends BusAdapter implements Reader {
  readonly #log: Plane;
  readonly #namespace: Namespace;
  /** Connected sockets by id. */
  readonly members = new Map<string, Member>();
  /** Members whose rooms are not those of the adapter at this moment. */
  readonly #apart = new Set<Member>();
  /** Who was in a room at the call before last, as it were: left, and not yet by the Log. */
  readonly #leaving = new Map<Room, Set<string>>();
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
    nsp.use((socket, next) => {
      this.#wrap(socket);
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
      return this.#log.program.behind(() =>
        this.#writeUnplaced(new Outgoing(frames, options.flags, this.#written), options),
      );
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
    const member = this.members.get(id);
    if (member !== undefined) {
      this.#moveOwn([member], "join", [...rooms], { rooms: new Set([id]) });
      return this.active(rooms);
    }
    const joined = super.addAll(id, rooms);
    const socket = this.#namespace.sockets.get(id);
    if (socket !== undefined && rooms.has(id)) this.#welcome(socket);
    return joined;
  }

  override del(id: string, room: Room): void {
    const member = this.members.get(id);
    if (member === undefined) void super.del(id, room);
    else this.#moveOwn([member], "leave", [room], { rooms: new Set([id]) });
  }

  override delAll(id: string): void {
    const member = this.members.get(id);
    this.members.delete(id);
    if (member !== undefined) {
      this.#apart.delete(member);
      for (const room of member.pending.keys()) this.#forgetLeaving(room, id);
    }
    super.delAll(id);
  }

  override addSockets(options: BroadcastOptions, rooms: Room[]): void {
    if (options.flags?.local === true) return this.#eachNow(options, (member) => void member.socket.join(rooms));
    this.#moveOwn(this.#membersNow(options), "join", rooms, options);
  }

  override delSockets(options: BroadcastOptions, rooms: Room[]): void {
    if (options.flags?.local !== true) return this.#moveOwn(this.#membersNow(options), "leave", rooms, options);
    this.#eachNow(options, ({ socket }) => {
      for (const room of rooms) void socket.leave(room);
    });
  }

  override disconnectSockets(options: BroadcastOptions, close: boolean): void {
    const here = () => this.#eachNow(options, ({ socket }) => void socket.disconnect(close));
    if (options.flags?.local === true) return this.#log.program.behind(here);
    const said = this.#log.say({ nsp: this.#namespace.name, message: { kind: "disconnect", to: options, close } });
    this.#log.program.afterLast(() => {
      if (!said.landed) here();
    });
  }

  /** What came without a place: by publishers that know no Log. */
  protected override write(packet: Packet | EncodedPacket, options: BroadcastOptions): void {
    const frames = packet instanceof EncodedPacket ? packet.frames : encodeEvent(this.#namespace.name, packet.data);
    this.#writeUnplaced(new Outgoing(frames, options.flags, this.#written), options);
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
        return this.#each(message.to, entry.index, (member) =>
          this.#move(member, message.kind, message.rooms, entry.index),
        );
      case "disconnect":
        return this.#each(message.to, entry.index, ({ socket }) => void socket.disconnect(message.close));
    }
  }

  landedAll(): void {
    for (const member of this.#apart) if (member.lane !== undefined) this.#advance(member);
  }

  cut(to: Place, since: number): void {
    for (const member of this.members.values()) {
      const { lane } = member;
      member.rebase(to.index);
      if (lane !== undefined) this.#endLane(member, lane);
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
    for (const member of this.#apart) index = Math.min(index, member.movedUpTo(index));
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

  /** Puts a socket that came back into its rooms and gives it what it missed. */
  begin(id: string): void {
    const member = this.members.get(id);
    const lane = member?.lane;
    if (member === undefined || lane === undefined) return;
    void super.addAll(id, new Set(member.rooms.keys()));
    lane.isHeld = false;
    this.#advance(member);
  }

  /** Closes the connection that had the session before. */
  closeFormer(id: string, turn: number): void {
    const member = this.members.get(id);
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
      member.lane = laneAt(resumption);
      this.members.set(id, member);
      this.#apart.add(member);
      return;
    }
    if (resumption !== undefined) Object.assign(socket, { recovered: false, pid: resumption.spare });
    const rooms = [...(this.socketRooms(id) ?? [])].map((room): [string, number] => [room, Infinity]);
    const member = new Member(socket, { start: Infinity, known: 0, rooms, left: [] });
    member.turn = resumption?.turn ?? 0;
    member.recovers = insides(socket).pid !== undefined;
    this.members.set(id, member);
    this.#apart.add(member);
    this.#log.program.behind(() => {
      const { index } = this.#log.place();
      if (member.start === Infinity) member.start = index;
      for (const [room, from] of member.rooms) if (from === Infinity) member.rooms.set(room, index);
      this.#settled(member);
    });
  }

  // Deliveries.

  #deliver(entry: Entry, message: Broadcast): void {
    const held = this.#hold(entry, message);
    const out = new Outgoing(message.frames, message.to.flags, this.#written);
    const offset = this.#offset(entry.index);
    this.#each(message.to, entry.index, (member) => {
      if (member !== held) this.#put(member, out, offset);
    });
  }

  /** Who is owed the ack of the job that the entry is about: he goes on when he has it. */
  #hold(entry: Entry, { to }: Broadcast): Member | undefined {
    const job = jobOf(to.flags);
    if (job === undefined) return undefined;
    const id = this.node.gate?.hold(job, (socket) => {
      const lane = this.members.get(socket)?.lane;
      const member = this.members.get(socket);
      if (lane === undefined || member === undefined) return;
      lane.isHeld = false;
      this.#advance(member);
    });
    const member = id === undefined ? undefined : this.members.get(id);
    if (member === undefined || member.lane !== undefined || !member.isMeant(to, entry.index)) return undefined;
    const at = entry.index - 1;
    member.lane = { at, heardUpTo: at, movedUpTo: at, isHeld: true, isFull: false, acts: [] };
    this.#apart.add(member);
    return member;
  }

  #put(member: Member, out: Outgoing, offset: string): void {
    out.writeTo(member.socket, member.recovers ? offset : undefined);
  }

  /** To those who are in the rooms as of now, with the place that each has reached. */
  #writeUnplaced(out: Outgoing, to: BroadcastOptions): void {
    const { index } = this.#log.place();
    const offset = this.#offset(index);
    this.#each(
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
    this.#each(to, entry.index, ({ socket }) => meant.push(socket.id));
    const target = { ...to, rooms: new Set(meant), except: new Set<Room>() };
    if (meant.length === 0) told(0);
    else super.broadcastWithAck(packet as Packet, target, told, heard);
  }

  /** Calls for each member that the entry `index` is meant for; those that are behind are for `behind`, or for nobody. */
  #each(
    to: BroadcastOptions,
    index: number,
    call: (member: Member) => void,
    behind: (member: Member, lane: Lane) => void = () => {},
  ): void {
    if (this.#apart.size === 0) return this.#eachNow(to, call);
    const seen = new Set<string>();
    const visit = (id: string) => {
      const member = this.members.get(id);
      if (member === undefined || seen.has(id) || !member.isMeant(to, index)) return;
      seen.add(id);
      if (member.lane === undefined) call(member);
      else behind(member, member.lane);
    };
    if (to.rooms.size === 0) for (const id of this.members.keys()) visit(id);
    for (const room of to.rooms)
      for (const ids of [this.rooms.get(room), this.#leaving.get(room)]) for (const id of ids ?? []) visit(id);
  }

  /** The same by the rooms as of the last call. */
  #eachNow({ rooms, except }: BroadcastOptions, call: (member: Member) => void): void {
    const left =
      except === undefined || except.size === 0 ? undefined : [...except].flatMap((room) => this.rooms.get(room) ?? []);
    const seen = rooms.size > 1 ? new Set<string>() : undefined;
    const visit = (id: string) => {
      if (seen?.has(id) === true || left?.some((ids) => ids.has(id)) === true) return;
      seen?.add(id);
      const member = this.members.get(id);
      if (member !== undefined) call(member);
    };
    if (rooms.size === 0) for (const id of this.members.keys()) visit(id);
    for (const room of rooms) for (const id of this.rooms.get(room) ?? []) visit(id);
  }

  #membersNow(to: BroadcastOptions): Member[] {
    const members: Member[] = [];
    this.#eachNow(to, (member) => void members.push(member));
    return members;
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
        if (kind === "leave") this.#addLeaving(room, member.socket.id);
      }
      this.#apart.add(member);
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
          this.#settled(member);
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
    this.#forgetLeaving(room, id);
    if (this.members.get(id) !== member) return;
    const isIn = member.rooms.has(room);
    if (isIn !== (this.socketRooms(id)?.has(room) === true)) this.#moveNow(member, isIn ? "join" : "leave", [room]);
  }

  #settled(member: Member): void {
    if (member.pending.size === 0 && member.lane === undefined && member.start !== Infinity) this.#apart.delete(member);
  }

  #addLeaving(room: Room, id: string): void {
    const ids = this.#leaving.get(room) ?? new Set();
    this.#leaving.set(room, ids.add(id));
  }
  #forgetLeaving(room: Room, id: string): void {
    const ids = this.#leaving.get(room);
    if (ids?.delete(id) === true && ids.size === 0) this.#leaving.delete(room);
  }

  // Sockets that are behind.

  /** Reads the tail for a socket that is behind, until it has caught up, or must wait. */
  #advance(member: Member): void {
    const { lane } = member;
    const { tail } = this.#log;
    if (lane === undefined || lane.isHeld || lane.isFull || this.members.get(member.socket.id) !== member) return;
    if (lane.at < tail.floor) {
      member.rebase(tail.floor);
      this.#endLane(member, lane);
      return this.#tellLost(member, Date.now());
    }
    let given = 0;
    let read = 0;
    this.#log.program.now(() => {
      for (const entry of tail.after(lane.at)) {
        if (given >= AT_ONCE || read >= READ_AT_ONCE) return this.#waitForTransport(member, lane);
        read += 1;
        if (this.#replay(member, lane, entry)) given += 1;
        if (lane.isHeld || this.members.get(member.socket.id) !== member) return;
        lane.at = entry.index;
        this.#runActs(lane, lane.at);
      }
      const { index } = this.#log.place();
      lane.at = Math.max(lane.at, index);
      this.#runActs(lane, lane.at);
      if (index >= Math.max(lane.heardUpTo, lane.movedUpTo)) this.#endLane(member, lane);
    });
  }

  /** True where something was written. */
  #replay(member: Member, lane: Lane, entry: Entry): boolean {
    const { message, index, nsp } = entry;
    if (nsp !== this.#namespace.name || !("to" in message) || !member.isMeant(message.to, index)) return false;
    switch (message.kind) {
      case "join":
      case "leave":
        if (index > lane.movedUpTo) this.#move(member, message.kind, message.rooms, index);
        return false;
      case "disconnect":
        if (index > lane.movedUpTo) member.socket.disconnect(message.close);
        return false;
      case "broadcast": {
        if (index <= lane.heardUpTo || message.asker !== undefined || message.to.flags?.volatile === true) return false;
        const job = jobOf(message.to.flags);
        if (job !== undefined && this.#holds(member, job)) {
          lane.isHeld = true;
          return false;
        }
        this.#put(member, new Outgoing(message.frames, message.to.flags, this.#written), this.#offset(index));
        return true;
      }
    }
  }

  #holds(member: Member, job: string): boolean {
    const held = this.node.gate?.hold(job, (id) => {
      const waiting = this.members.get(id);
      if (waiting?.lane === undefined) return;
      waiting.lane.isHeld = false;
      this.#advance(waiting);
    });
    return held === member.socket.id;
  }

  #waitForTransport(member: Member, lane: Lane): void {
    lane.isFull = true;
    const goOn = () => {
      lane.isFull = false;
      this.#advance(member);
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

  #endLane(member: Member, lane: Lane): void {
    member.lane = undefined;
    this.#log.program.now(() => this.#runActs(lane, Infinity));
    this.#settled(member);
  }

  #tellLost(member: Member, since: number): void {
    this.#changed(member.socket);
    if (!member.recovers) return;
    const out = new Outgoing(encodeEvent(this.#namespace.name, [LOST_EVENT, { since }]), {}, this.#written);
    this.#put(member, out, this.#offset(this.#log.place().index));
  }

  // What is said to one socket.

  /** Lets all that goes to the socket directly wait for its turn, and carry the place that it has reached. */
  #wrap(socket: Socket): void {
    const it = insides(socket);
    const { packet, disconnect } = it;
    it.packet = (said, options = {}) => {
      const { type } = said;
      if (type === PacketType.CONNECT || type === PacketType.CONNECT_ERROR || this.#isPaying(socket))
        return packet.call(
          socket,
          type === PacketType.CONNECT ? { ...said, data: this.#connectData(socket) } : said,
          options,
        );
      if (type !== PacketType.EVENT || said.id !== undefined) {
        const frames = this.#encoded({ ...said, nsp: this.#namespace.name });
        return this.#directly(socket, () => this.#writeOne(socket, frames, options));
      }
      const frames = encodeEvent(this.#namespace.name, Array.isArray(said.data) ? said.data : []);
      this.#directly(socket, () => {
        const member = this.members.get(socket.id);
        const at = member?.lane?.at ?? this.#log.place().index;
        const placed = member?.recovers === true ? withArgument(frames, this.#offset(at)) : frames;
        this.#writeOne(socket, this.#written(placed), options);
      });
    };
    it.disconnect = (close = false) => {
      if (socket.connected) this.#directly(socket, () => void disconnect.call(socket, close));
      return socket;
    };
  }

  #connectData(socket: Socket): { sid: string; pid: string | undefined } {
    const { id, pid } = insides(socket);
    return { sid: id, pid };
  }

  #writeOne(socket: Socket, frames: Frames, options: WriteOptions): void {
    if (socket.conn.readyState !== "open") return;
    options.compress = options.compress !== false;
    insides(socket).client.writeToEngine(frames, options);
  }

  #directly(socket: Socket, act: () => void): void {
    this.#log.program.behind(() => {
      const lane = this.members.get(socket.id)?.lane;
      if (lane === undefined || lane.at >= this.#log.place().index) act();
      else lane.acts.push({ after: this.#log.place().index, act });
    });
  }

  #isPaying({ id }: Socket): boolean {
    return this.node.gate?.isPaying?.(id) === true;
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
