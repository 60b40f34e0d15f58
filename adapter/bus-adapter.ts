import type { Namespace, Server } from "socket.io";
import { Adapter, type BroadcastOptions, type Room } from "socket.io-adapter";
import { PacketType } from "socket.io-parser";
import {
  answerTopic,
  decodeMessage,
  encodeAnswer,
  encodeMessage,
  isFrom,
  namespaceTopic,
  type Answer,
  type Asker,
  type ClusterMessage,
} from "./cluster-message.ts";
import { decodeFrames, encodeEvent, encodeValues, type Frames } from "./frames.ts";
import { passGate } from "./gate.ts";
import type { Bus, JobGate } from "./port.ts";
import type { Questions } from "./questions.ts";

type Packet = Parameters<Server["encoder"]["encode"]>[0];

const ANSWER_MS = 5000;

/** What the adapters of one node share. */
export interface NodeContext {
  bus: Bus;
  node: string;
  /** In front of every message of this node. */
  sender: Uint8Array;
  /** The other gateways that serve a namespace. */
  others: (nsp: string) => string[];
  questions: Questions;
  /** Told of a question that could not be answered. */
  unanswered: (error: unknown) => void;
  gate?: JobGate | undefined;
}

/** A packet whose bytes are fixed; what it says is read only where someone asks. */
class EncodedPacket {
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

type Acks = (...args: unknown[]) => void;

/**
 * A socket.io adapter over any Bus. What is emitted is encoded once, at the emit; published and delivered to this node's own sockets
 * within the same call, so that program order holds for both; the others write the same bytes. A gateway that dies while it is asked
 * is waited for until it is known to be gone, 5 s at most.
 */
export class BusAdapter extends Adapter {
  readonly #nsp: Namespace;
  readonly #node: NodeContext;
  readonly #encode: (packet: Packet) => Frames;
  /** The app's own parser writes other bytes than emitters do. */
  readonly #standardParser: boolean;

  constructor(nsp: Namespace, node: NodeContext) {
    super(nsp);
    this.#nsp = nsp;
    this.#node = node;
    const { encoder, _opts: opts } = nsp.server;
    this.#encode = (packet) => encoder.encode(packet);
    this.#standardParser = opts.parser === undefined;
    Object.defineProperty(this, "encoder", {
      value: {
        encode: (packet: Packet | EncodedPacket) =>
          packet instanceof EncodedPacket ? packet.frames : this.#encode(packet),
      },
    });
  }

  /** What another process published to this namespace's topic. Throws where it is none of ours. */
  receive(bytes: Uint8Array): void {
    if (isFrom(this.#node.sender, bytes)) return;
    const message = decodeMessage(bytes);
    switch (message.kind) {
      case "broadcast":
        if (!this.#concerns(message.to)) {
          if (message.asker !== undefined) this.#answer(message.asker, "asked", 0, []);
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
        return void this.#describe(message.to, message.asker).catch(this.#node.unanswered);
      case "server-side-emit":
        return this.#emitHere(message.frames, message.asker);
    }
  }

  override broadcast(packet: Packet, options: BroadcastOptions): void {
    packet.nsp = this.#nsp.name;
    const own = this.#encode(packet);
    if (options.flags?.local !== true) {
      const frames = this.#standardParser ? own : encodeEvent(packet.nsp, packet.data);
      this.#publish({ kind: "broadcast", to: options, frames });
    }
    super.broadcast(new EncodedPacket(packet.nsp, own, packet.data), options);
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
      const request = this.#node.questions.ask({ nodes: [], timeoutMs: options.flags?.timeout ?? ANSWER_MS, heard });
      const frames = encodeEvent(this.#nsp.name, packet.data);
      this.#publish({ kind: "broadcast", to: options, frames, asker: this.#asker(request) });
    }
    super.broadcastWithAck(packet, options, asked, ack);
  }

  override addSockets(options: BroadcastOptions, rooms: Room[]): void {
    if (options.flags?.local !== true) this.#publish({ kind: "join", to: options, rooms });
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

  override async fetchSockets(options: BroadcastOptions): Promise<unknown[]> {
    const local = super.fetchSockets(options);
    const nodes = options.flags?.local === true ? [] : this.#node.others(this.#nsp.name);
    if (nodes.length === 0) return local;
    const remote: unknown[] = [];
    const answered = Promise.withResolvers<void>();
    const request = this.#node.questions.ask({
      nodes,
      timeoutMs: options.flags?.timeout ?? ANSWER_MS,
      heard: ({ frames }) => void remote.push(...decodeFrames(frames)),
      settled: (missing) => {
        if (missing === 0) answered.resolve();
        else answered.reject(new Error(`timeout reached: missing ${missing} responses`));
      },
    });
    this.#publish({ kind: "fetch", to: options, asker: this.#asker(request) });
    await answered.promise;
    return [...(await local), ...remote];
  }

  override serverSideEmit(packet: unknown[]): void {
    const last = packet.at(-1);
    if (typeof last !== "function") return this.#publish({ kind: "server-side-emit", frames: encodeValues(packet) });
    const nodes = this.#node.others(this.#nsp.name);
    const frames = encodeValues(packet.slice(0, -1));
    const responses: unknown[] = [];
    if (nodes.length === 0) return last(null, responses);
    const request = this.#node.questions.ask({
      nodes,
      timeoutMs: ANSWER_MS,
      heard: (answer) => void responses.push(decodeFrames(answer.frames)[0]),
      settled: (missing) =>
        last(missing === 0 ? null : new Error(`timeout reached: missing ${missing} responses`), responses),
    });
    this.#publish({ kind: "server-side-emit", frames, asker: this.#asker(request) });
  }

  override serverCount(): Promise<number> {
    return Promise.resolve(1 + this.#node.others(this.#nsp.name).length);
  }

  #publish(message: ClusterMessage): void {
    this.#node.bus.publish(namespaceTopic(this.#nsp.name), encodeMessage(this.#node.sender, message));
  }

  #asker(request: number): Asker {
    return { node: this.#node.node, request };
  }

  #answer({ node, request }: Asker, kind: Answer["kind"], count: number, frames: Frames): void {
    this.#node.bus.publish(answerTopic(node), encodeAnswer({ request, from: this.#node.node, kind, count, frames }));
  }

  #concerns({ rooms }: BroadcastOptions): boolean {
    if (rooms.size === 0) return true;
    for (const room of rooms) if (this.rooms.has(room)) return true;
    return false;
  }

  #deliver({ to, frames }: Extract<ClusterMessage, { kind: "broadcast" }>): void {
    const packet = this.#standardParser
      ? new EncodedPacket(this.#nsp.name, frames)
      : { type: PacketType.EVENT, nsp: this.#nsp.name, data: decodeFrames(frames) };
    super.broadcast(
      packet,
      passGate(this.#node.gate, this, to, (later) => super.broadcast(packet, later)),
    );
  }

  #askClients({ to, frames }: Extract<ClusterMessage, { kind: "broadcast" }>, asker: Asker): void {
    const packet = { type: PacketType.EVENT, nsp: this.#nsp.name, data: decodeFrames(frames) };
    super.broadcastWithAck(
      packet,
      to,
      (clients) => this.#answer(asker, "asked", clients, []),
      (...args: unknown[]) => this.#answer(asker, "ack", 0, encodeValues(args)),
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
    this.#answer(asker, "whole", 0, encodeValues(described));
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
      this.#answer(asker, "whole", 0, encodeValues([value]));
    };
    emit(...args, ack);
  }
}
