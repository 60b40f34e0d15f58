import type { Namespace, Socket } from "socket.io";
import type { BroadcastOptions, Room } from "socket.io-adapter";
import { PacketType } from "socket.io-parser";
import { ANSWER_MS, BusAdapter, EncodedPacket, type Acks, type NodeContext, type Packet } from "../bus-adapter.ts";
import type { Answer, Asker } from "../cluster-message.ts";
import { decodeFrames, encodeEvent, encodeValues, type Frames } from "../frames.ts";
import type { Place } from "../log/port.ts";
import type { Subscription } from "../port.ts";
import { Arrivals } from "./arrivals.ts";
import { orderDirect, type DirectOptions } from "./direct.ts";
import type { Entry } from "./entry.ts";
import { Lanes } from "./lanes.ts";
import { Members } from "./members.ts";
import { Moves } from "./moves.ts";
import type { Plane, Reader } from "./plane.ts";
import { Writing, type Broadcast } from "./writing.ts";

/**
 * A socket.io adapter over a Log and a Bus: what clients and rooms can observe takes effect where it stands in the Log, on the node that
 * said it too; questions between nodes go over the Bus. A socket's own rooms (`socket.rooms`) change at the call; deliveries go by the
 * rooms as of the entry. What is said to one socket directly waits behind all that this node said before.
 */
export class LogAdapter extends BusAdapter implements Reader {
  /** Sockets that come back. */
  readonly arrivals: Arrivals;
  readonly #log: Plane;
  readonly #namespace: Namespace;
  readonly #members = new Members(this.rooms);
  readonly #lanes: Lanes;
  readonly #writing: Writing;
  readonly #moves: Moves;
  readonly #asked = new Map<number, { asked: (clients: number) => void; ack: Acks }>();
  readonly #reading: Disposable;

  constructor(nsp: Namespace, node: NodeContext, log: Plane, changed: (socket: Socket) => void = () => {}) {
    super(nsp, node);
    this.#log = log;
    this.#namespace = nsp;
    this.#reading = log.add(this);
    const members = this.#members;
    const roomsOf = (id: string) => this.socketRooms(id);
    // socket.io's types name the packet's type by an enum of their own copy of the parser.
    const encode = (packet: object): Frames => this.encode(packet as Packet);
    const lanes = new Lanes({
      log,
      members,
      put: (member, message, index) => this.#writing.put(member, message, index),
      move: (member, kind, rooms, index) => this.#moves.land(member, kind, rooms, index),
      hold: (job) => this.#writing.owed(job),
      lost: (member) => this.#writing.tellLost(member, Date.now()),
    });
    const writing = new Writing({
      nsp: nsp.name,
      log,
      members,
      lanes,
      gate: () => node.gate,
      encode,
      standardParser: this.standardParser,
      changed,
    });
    this.#lanes = lanes;
    this.#writing = writing;
    this.#moves = new Moves({
      nsp: nsp.name,
      log,
      members,
      roomsOf,
      moveNow: (id, kind, rooms) => {
        if (kind === "join") void super.addAll(id, new Set(rooms));
        else for (const room of rooms) void super.del(id, room);
      },
      changed,
    });
    this.arrivals = new Arrivals({ log, members, lanes, roomsOf });
    const direct: DirectOptions = {
      nsp: nsp.name,
      encode,
      written: writing.written,
      // The client is told when what the app joined it to in the same turn holds: from then on nobody can miss it.
      connected: ({ id }, tell) =>
        queueMicrotask(() =>
          log.program.behind(() => {
            tell();
            lanes.release(members.byId.get(id));
          }),
        ),
      inTurn: (socket, act) => writing.inTurn(socket, act),
      offsetOf: ({ id }) => {
        const member = members.byId.get(id);
        return member?.recovers === true ? writing.offset(member.lane?.at ?? log.place().index) : undefined;
      },
      isPaying: ({ id }) => node.gate?.isPaying?.(id) === true,
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
      return this.#log.program.behind(() => this.#writing.putUnplaced({ frames, to: options }));
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
      this.#moves.say([member], "join", [...rooms], { rooms: new Set([id]) });
      const active = this.active(rooms);
      return new Promise((resolve) => this.#log.program.afterLast(() => resolve(active)));
    }
    const joined = super.addAll(id, rooms);
    const socket = this.#namespace.sockets.get(id);
    if (socket !== undefined && rooms.has(id)) this.arrivals.welcome(socket);
    return joined;
  }

  /** Resolves when nothing that is said from now on reaches the socket there. */
  override del(id: string, room: Room): Promise<void> | void {
    const member = this.#members.byId.get(id);
    if (member === undefined) return super.del(id, room);
    this.#moves.say([member], "leave", [room], { rooms: new Set([id]) });
    return new Promise((resolve) => this.#log.program.afterLast(resolve));
  }

  override delAll(id: string): void {
    this.#members.delete(id);
    super.delAll(id);
  }

  override addSockets(options: BroadcastOptions, rooms: Room[]): void {
    if (options.flags?.local === true)
      return this.#members.eachNow(options, (member) => void member.socket.join(rooms));
    this.#moves.say(this.#members.now(options), "join", rooms, options);
  }

  override delSockets(options: BroadcastOptions, rooms: Room[]): void {
    if (options.flags?.local !== true) return this.#moves.say(this.#members.now(options), "leave", rooms, options);
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
    this.#writing.putUnplaced({ frames, to: options });
  }

  // What the Log says.

  land(entry: Entry): void {
    const { message, nsp } = entry;
    if (message.kind === "taken") return this.arrivals.closeFormer(message.socket, message.turn);
    if (nsp !== this.#namespace.name || message.kind === "mark") return;
    switch (message.kind) {
      case "broadcast":
        return message.asker === undefined
          ? this.#writing.land(entry, message)
          : this.#ask(entry, message, message.asker);
      case "join":
      case "leave":
        return this.#members.each(message.to, entry.index, (member) =>
          this.#moves.land(member, message.kind, message.rooms, entry.index),
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
      this.#writing.tellLost(member, since);
    }
  }

  // Sockets that come back.

  /** Puts a socket that came back into its rooms. */
  begin(id: string): void {
    const member = this.#members.byId.get(id);
    if (member !== undefined) void super.addAll(id, new Set(member.rooms.keys()));
  }

  #ask(entry: Entry, { to, frames }: Broadcast, asker: Asker): void {
    const mine = asker.node === this.node.node ? this.#asked.get(asker.request) : undefined;
    const told = mine?.asked ?? ((clients: number) => this.answer(asker, "asked", clients, []));
    const heard = mine?.ack ?? ((...args: unknown[]) => this.answer(asker, "ack", 0, encodeValues(args)));
    const meant: string[] = [];
    const packet: object = { type: PacketType.EVENT, nsp: this.#namespace.name, data: decodeFrames(frames) };
    this.#members.each(to, entry.index, ({ socket }) => meant.push(socket.id));
    const target = { rooms: new Set(meant), flags: { ...to.flags, local: true } };
    if (meant.length === 0) told(0);
    else super.broadcastWithAck(packet as Packet, target, told, heard);
  }
}
