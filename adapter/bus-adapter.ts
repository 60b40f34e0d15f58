import type { Namespace, Server } from "socket.io";
import { Adapter, type BroadcastOptions, type Room } from "socket.io-adapter";
import { PacketType } from "socket.io-parser";
import type { Addressing } from "./addressing.ts";
import {
  answerTopic,
  decodeMessage,
  encodeAnswer,
  encodeMessage,
  isFrom,
  namespaceTopic,
  roomTopic,
  type Answer,
  type Asker,
  type ClusterMessage,
} from "./cluster-message.ts";
import { decodeFrames, encodeEvent, encodeValues, type Frames } from "./frames.ts";
import { passGate } from "./gate.ts";
import type { Bus, JobGate, Subscription } from "./port.ts";
import type { Questions } from "./questions.ts";
import { createRoomBindings, type RoomBindings } from "./room-bindings.ts";

export type Packet = Parameters<Server["encoder"]["encode"]>[0];

export const ANSWER_MS = 5000;

/** What the adapters of one node share. */
export interface NodeContext {
  bus: Bus;
  node: string;
  /** In front of every message of this node. */
  sender: Uint8Array;
  /** The other gateways that serve a namespace. */
  others: (nsp: string) => string[];
  questions: Questions;
  addressing: Addressing;
  /** ms after its last local member until a room's topic is left. */
  lingerMs: number;
  /** Told of a question that could not be answered. */
  unanswered: (error: unknown) => void;
  gate?: JobGate | undefined;
}

/** A packet whose bytes are fixed; what it says is read only where someone asks. */
export class EncodedPacket {
  readonly type = PacketType.EVENT;
  readonly frames: Frames;
  nsp: string;
  #data: unknown[] | undefined;
  constructor(nsp: string, frames: Frames, data?: unknown[]) {
    this.nsp = nsp;
    this.frames = frames;
    this.#data = data;
  }
  get data(): unknown[] {
    this.#data ??= decodeFrames(this.frames);
    return this.#data;
  }
}

export type Acks = (...args: unknown[]) => void;

/** What was answered, and by whom not: thrown, or given to an ack. */
export const partial = (responses: unknown[], missing: string[]): Error =>
  Object.assign(new Error(`timeout reached: missing ${missing.length} responses: ${missing.join(", ")}`), {
    responses,
    missing,
  });

/**
 * A socket.io adapter over any Bus. It hears the namespace's topic, and the topic of each room that has a member here; what is said to
 * rooms goes to theirs. What is emitted is encoded once, at the emit; published and delivered to this node's own sockets
 * within the same call, so that program order holds for both; the others write the same bytes. A gateway that dies while it is asked
 * is waited for until it is known to be gone, 5 s at most.
 */
export class BusAdapter extends Adapter {
  readonly #nsp: Namespace;
  protected readonly node: NodeContext;
  protected readonly encode: (packet: Packet) => Frames;
  /** The app's own parser writes other bytes than emitters do. */
  protected readonly standardParser: boolean;
  readonly #rooms: RoomBindings;
  readonly #hear = (bytes: Uint8Array): void => this.receive(bytes);

  constructor(nsp: Namespace, node: NodeContext) {
    super(nsp);
    this.#nsp = nsp;
    this.node = node;
    const { encoder, _opts: opts } = nsp.server;
    this.encode = (packet) => encoder.encode(packet);
    this.standardParser = opts.parser === undefined;
    this.#rooms = createRoomBindings({
      bus: node.bus,
      topicOf: (room) => roomTopic(nsp.name, room),
      hear: this.#hear,
      isHeld: (room) => this.rooms.has(room),
      lingerMs: node.lingerMs,
    });
    this.on("create-room", (room: Room) => this.#rooms.bind(room));
    this.on("delete-room", (room: Room) => this.#rooms.release(room));
    Object.defineProperty(this, "encoder", {
      value: {
        encode: (packet: Packet | EncodedPacket) =>
          packet instanceof EncodedPacket ? packet.frames : this.encode(packet),
      },
    });
  }

  /** Hears the namespace's topic until it is disposed of, and from the first member on the rooms'. */
  async subscribe(): Promise<Subscription> {
    const subscription = await this.node.bus.subscribe(namespaceTopic(this.#nsp.name), this.#hear);
    return {
      [Symbol.asyncDispose]: async () => {
        await Promise.all([subscription[Symbol.asyncDispose](), this.#rooms[Symbol.asyncDispose]()]);
      },
    };
  }

  /** Binds rooms that a socket is about to join; gives what `addAll` does. */
  expect(rooms: readonly Room[]): Promise<void> | undefined {
    for (const room of rooms) {
      this.#rooms.bind(room);
      if (!this.rooms.has(room)) this.#rooms.release(room);
    }
    return this.#rooms.active(rooms);
  }

  /** Resolves when all that is published to the rooms from now on reaches the socket, or the Bus is away. */
  override addAll(id: string, rooms: Set<Room>): Promise<void> | void {
    void super.addAll(id, rooms);
    return this.active(rooms);
  }

  /** Resolves when all that is published to the rooms from now on arrives here, or the Bus is away. */
  protected active(rooms: Set<Room>): Promise<void> | void {
    return this.#rooms.active(rooms);
  }

  /** What another process published to this namespace or a room of it. Throws where it is none of ours. */
  receive(bytes: Uint8Array): void {
    if (isFrom(this.node.sender, bytes)) return;
    const message = decodeMessage(bytes, this.#nsp.name);
    switch (message.kind) {
      case "broadcast":
        if (!this.#concerns(message.to)) {
          if (message.asker !== undefined) this.answer(message.asker, "asked", 0, []);
          return;
        }
        if (message.asker !== undefined) return this.#askClients(message, message.asker);
        return this.#deliver(message);
      case "join":
        return super.addSockets(message.to, message.rooms);
      case "leave":
        return super.delSockets(message.to, message.rooms);
      case "disconnect":
        return super.disconnectSockets(message.to, message.close);
      case "fetch":
        return void this.#describe(message.to, message.asker).catch(this.node.unanswered);
      case "server-side-emit":
        return this.#emitHere(message.frames, message.asker);
    }
  }

  override broadcast(packet: Packet, options: BroadcastOptions): void {
    packet.nsp = this.#nsp.name;
    const own = this.encode(packet);
    if (options.flags?.local !== true) {
      const frames = this.standardParser ? own : encodeEvent(packet.nsp, packet.data);
      this.#publish({ kind: "broadcast", to: options, frames });
    }
    this.write(new EncodedPacket(packet.nsp, own, packet.data), options);
  }

  /** Writes to this node's own sockets. */
  protected write(packet: Packet | EncodedPacket, options: BroadcastOptions): void {
    super.broadcast(packet, options);
  }

  override broadcastWithAck(
    packet: Packet,
    options: BroadcastOptions,
    asked: (clients: number) => void,
    ack: Acks,
  ): void {
    if (options.flags?.local !== true) {
      const heard = ({ kind, count, frames }: Answer) => {
        if (kind === "asked") asked(count);
        else ack(...decodeFrames(frames));
      };
      const request = this.node.questions.ask({ nodes: [], timeoutMs: options.flags?.timeout ?? ANSWER_MS, heard });
      const frames = encodeEvent(this.#nsp.name, packet.data);
      this.#publish({ kind: "broadcast", to: options, frames, asker: this.asker(request) });
    }
    super.broadcastWithAck(packet, options, asked, ack);
  }

  override addSockets(options: BroadcastOptions, rooms: Room[]): void {
    if (options.flags?.local !== true) {
      this.#publish({ kind: "join", to: options, rooms });
      this.node.addressing.joined(this.#nsp.name, rooms);
    }
    super.addSockets(options, rooms);
  }

  override delSockets(options: BroadcastOptions, rooms: Room[]): void {
    if (options.flags?.local !== true) this.#publish({ kind: "leave", to: options, rooms });
    super.delSockets(options, rooms);
  }

  override disconnectSockets(options: BroadcastOptions, close: boolean): void {
    if (options.flags?.local !== true) this.#publish({ kind: "disconnect", to: options, close });
    super.disconnectSockets(options, close);
  }

  /** Rejects where a gateway does not answer in time or is killed, with `missing` (their nodes) and `responses` (the sockets found) in the error. */
  override async fetchSockets(options: BroadcastOptions): Promise<unknown[]> {
    const here: Promise<unknown[]> = super.fetchSockets(options);
    const nodes = options.flags?.local === true ? [] : this.node.others(this.#nsp.name);
    if (nodes.length === 0) return here;
    const remote: unknown[] = [];
    const answered = Promise.withResolvers<string[]>();
    const request = this.node.questions.ask({
      nodes,
      timeoutMs: options.flags?.timeout ?? ANSWER_MS,
      heard: ({ frames }) => void remote.push(...decodeFrames(frames)),
      settled: answered.resolve,
    });
    this.#publish({ kind: "fetch", to: options, asker: this.asker(request) });
    const missing = await answered.promise;
    const found = [...(await here), ...remote];
    if (missing.length > 0) throw partial(found, missing);
    return found;
  }

  override serverSideEmit(packet: unknown[]): void {
    const last = packet.at(-1);
    if (typeof last !== "function") return this.#publish({ kind: "server-side-emit", frames: encodeValues(packet) });
    const nodes = this.node.others(this.#nsp.name);
    const frames = encodeValues(packet.slice(0, -1));
    const responses: unknown[] = [];
    if (nodes.length === 0) return last(null, responses);
    const request = this.node.questions.ask({
      nodes,
      timeoutMs: ANSWER_MS,
      heard: (answer) => void responses.push(decodeFrames(answer.frames)[0]),
      settled: (missing) => last(missing.length === 0 ? null : partial(responses, missing), responses),
    });
    this.#publish({ kind: "server-side-emit", frames, asker: this.asker(request) });
  }

  override serverCount(): Promise<number> {
    return Promise.resolve(1 + this.node.others(this.#nsp.name).length);
  }

  #publish(message: ClusterMessage): void {
    const { bus, sender, addressing } = this.node;
    const everyone = !("to" in message) || ("asker" in message && message.asker !== undefined);
    bus.publish(
      everyone ? namespaceTopic(this.#nsp.name) : addressing.topics(this.#nsp.name, message.to.rooms),
      encodeMessage(sender, message),
    );
  }

  protected asker(request: number): Asker {
    return { node: this.node.node, request };
  }

  protected answer({ node, request }: Asker, kind: Answer["kind"], count: number, frames: Frames): void {
    this.node.bus.publish(answerTopic(node), encodeAnswer({ request, from: this.node.node, kind, count, frames }));
  }

  #concerns({ rooms }: BroadcastOptions): boolean {
    if (rooms.size === 0) return true;
    for (const room of rooms) if (this.rooms.has(room)) return true;
    return false;
  }

  #deliver({ to, frames }: Extract<ClusterMessage, { kind: "broadcast" }>): void {
    const packet = this.standardParser
      ? new EncodedPacket(this.#nsp.name, frames)
      : { type: PacketType.EVENT, nsp: this.#nsp.name, data: decodeFrames(frames) };
    this.write(
      packet,
      passGate(this.node.gate, this, to, (later) => this.write(packet, later)),
    );
  }

  #askClients({ to, frames }: Extract<ClusterMessage, { kind: "broadcast" }>, asker: Asker): void {
    const packet = { type: PacketType.EVENT, nsp: this.#nsp.name, data: decodeFrames(frames) };
    super.broadcastWithAck(
      packet,
      to,
      (clients) => this.answer(asker, "asked", clients, []),
      (...args: unknown[]) => this.answer(asker, "ack", 0, encodeValues(args)),
    );
  }

  async #describe(to: BroadcastOptions, asker: Asker): Promise<void> {
    const sockets = await super.fetchSockets(to);
    const described = sockets.map(({ id, handshake: { sessionStore: _circular, ...handshake }, rooms, data }) => ({
      id,
      handshake,
      rooms: [...rooms],
      data,
    }));
    this.answer(asker, "whole", 0, encodeValues(described));
  }

  #emitHere(frames: Frames, asker: Asker | undefined): void {
    const [event, ...args] = decodeFrames(frames);
    if (typeof event !== "string") throw new Error("a server-side emission without a name");
    // oxlint-disable-next-line no-underscore-dangle -- what socket.io's own adapters call
    const emit = (...said: unknown[]) => this.#nsp._onServerSideEmit([event, ...said]);
    if (asker === undefined) return emit(...args);
    let called = false;
    const ack = (value: unknown) => {
      if (called) return;
      called = true;
      this.answer(asker, "whole", 0, encodeValues([value]));
    };
    emit(...args, ack);
  }
}
