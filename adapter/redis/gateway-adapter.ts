import { RedisAdapter } from "@socket.io/redis-adapter";
import { decode, encode } from "notepack.io";
import type { Namespace } from "socket.io";
import { Adapter, type BroadcastOptions, type Room } from "socket.io-adapter";
import { partial } from "../bus-adapter.ts";
import { passGate } from "../gate.ts";
import type { JobGate } from "../port.ts";
import { createRoomBindings } from "../room-bindings.ts";
import type { Addressing } from "../addressing.ts";
import { publishingClient, subscribingClient } from "./clients.ts";
import type { Once } from "./copies.ts";
import type { Asking, NamespaceAsking } from "./asking.ts";
import type { Publisher } from "./publisher.ts";
import type { Subscriptions } from "./subscriptions.ts";
import { emissionChannel, emissionOf, REQUEST, targets, type Emissions } from "./wire.ts";

type Packet = Parameters<Adapter["broadcast"]>[0];

/** What the adapters of one process share. */
export interface RedisGateway {
  prefix: string;
  publisher: Publisher;
  subscriptions: Subscriptions;
  addressing: Addressing;
  emissions: Emissions;
  once: Once<Adapter>;
  asking: Asking;
  connected: () => boolean;
  /** ms after its last local member until a room's channel is left. */
  lingerMs: number;
  gate?: JobGate | undefined;
}

const ANSWER_MS = 5000;

const beginsWith = (message: Uint8Array, start: Uint8Array, at = 0): boolean =>
  message.length >= at + start.length && start.every((byte, index) => message[at + index] === byte);

const here = (options: BroadcastOptions): BroadcastOptions => ({
  ...options,
  flags: { ...options.flags, local: true },
});
const isObject = (it: unknown): it is object => typeof it === "object" && it !== null;
/** Looked at for each emission. */
const hasJob = (options: unknown): boolean =>
  isObject(options) && "flags" in options && isObject(options.flags) && "job" in options.flags;
const isLocal = (options: BroadcastOptions): boolean => options.flags?.local === true;

/**
 * socket.io's Redis adapter with its wire format, which hears rooms one by one and not all of the namespace: a room's channel from its first
 * member here to some seconds after the last. Joins, leaves and disconnects act on this node's own sockets at once (so that they keep their
 * order with emissions), counting nodes never rejects, questions that not all answer say who is missing, emissions pass the job gate.
 */
export class GatewayAdapter extends RedisAdapter {
  readonly #nsp: string;
  readonly #gateway: RedisGateway;
  readonly #client: ReturnType<typeof subscribingClient>;
  readonly #rooms: ReturnType<typeof createRoomBindings>;
  readonly #asking: NamespaceAsking;

  constructor(nsp: Namespace, gateway: RedisGateway) {
    let starts: { inText: Buffer; inList: Buffer } | undefined;
    const client = subscribingClient(nsp.name, gateway, {
      isHeld: (room) => this.rooms.has(room) || this.#hasNumber(room),
      isOwn: (message) =>
        starts !== undefined && (beginsWith(message, starts.inText) || beginsWith(message, starts.inList, 1)),
      isNew: ({ publisher, number }) => gateway.once(publisher, number, this),
      isAnswer: (channel, message) => this.#asking.answer(channel, message),
    });
    const parser = { encode, decode: (bytes: Uint8Array): unknown => this.#read(bytes) };
    super(nsp, publishingClient(gateway), client, {
      key: gateway.prefix,
      publishOnSpecificResponseChannel: true,
      parser,
    });
    this.#nsp = nsp.name;
    this.#gateway = gateway;
    this.#client = client;
    this.#asking = gateway.asking.of(nsp.name, this.uid);
    starts = { inText: Buffer.from(`{"uid":"${this.uid}",`), inList: Buffer.from(encode(this.uid)) };
    this.#rooms = createRoomBindings({
      bus: { subscribe: client.rooms.subscribe, connected: gateway.connected },
      topicOf: (room) => emissionChannel(gateway.prefix, nsp.name, room),
      hear: () => {},
      isHeld: (room) => this.rooms.has(room),
      lingerMs: gateway.lingerMs,
    });
    this.on("create-room", (room: Room) => this.#rooms.bind(room));
    this.on("delete-room", (room: Room) => this.#rooms.release(room));
  }

  /** Resolves when what others emit to the namespace arrives; rejects where it is closed before. */
  async ready(): Promise<void> {
    await Promise.all([...this.#client.hearings.values()].map(({ active }) => active));
  }

  /** Binds rooms that a socket is about to join; resolves as `addAll` does. */
  async expect(rooms: readonly Room[]): Promise<void> {
    for (const room of rooms) {
      this.#rooms.bind(room);
      if (!this.rooms.has(room)) this.#rooms.release(room);
    }
    await this.#rooms.active(rooms);
  }

  /** Resolves when all that is published to the rooms from now on reaches the socket, or Redis is away. */
  override addAll(id: string, rooms: Set<Room>): Promise<void> | void {
    void super.addAll(id, rooms);
    return this.#rooms.active(rooms);
  }
  override broadcast(packet: Packet, options: BroadcastOptions): void {
    if (!isLocal(options)) {
      packet.nsp = this.#nsp;
      const { rooms, except = [], flags = {} } = options;
      this.#gateway.emissions(this.uid, this.#nsp, packet, { rooms, except: [...except], flags });
    }
    super.broadcast(packet, here(options));
  }
  override addSockets(options: BroadcastOptions, rooms: Room[]): void {
    if (!isLocal(options)) {
      super.addSockets(options, rooms);
      this.#gateway.addressing.joined(this.#nsp, rooms);
    }
    super.addSockets(here(options), rooms);
  }
  override delSockets(options: BroadcastOptions, rooms: Room[]): void {
    if (!isLocal(options)) super.delSockets(options, rooms);
    super.delSockets(here(options), rooms);
  }
  override disconnectSockets(options: BroadcastOptions, close: boolean): void {
    if (!isLocal(options)) super.disconnectSockets(options, close);
    super.disconnectSockets(here(options), close);
  }

  /** Rejects where a server does not answer in time or is gone, with `missing` (their nodes) and `responses` (the sockets found) in the error. */
  override async fetchSockets(options: BroadcastOptions): Promise<unknown[]> {
    const found: unknown[] = [...(await super.fetchSockets(here(options)))];
    if (isLocal(options)) return found;
    const { rooms, except = [], flags } = options;
    const missing = await this.#asking.ask(
      { type: REQUEST.fetch, opts: { rooms: [...rooms], except: [...except] } },
      { timeoutMs: flags?.timeout ?? ANSWER_MS, heard: ({ sockets = [] }) => void found.push(...sockets) },
    );
    if (missing.length > 0) throw partial(found, missing);
    return found;
  }
  override serverSideEmit(packet: unknown[]): void {
    const ack = packet.at(-1);
    if (typeof ack !== "function") return this.#asking.tell({ type: REQUEST.serverSideEmit, data: packet });
    const responses: unknown[] = [];
    const request = { type: REQUEST.serverSideEmit, data: packet.slice(0, -1) };
    void this.#asking
      .ask(request, { timeoutMs: ANSWER_MS, heard: ({ data }) => void responses.push(data) })
      .then((missing) => ack(missing.length === 0 ? null : partial(responses, missing), responses));
  }
  override serverCount(): Promise<number> {
    return this.#asking.count();
  }
  override close(): void {
    void super.close();
    void this.#rooms[Symbol.asyncDispose]();
  }

  /** An app may call a room 1, which is not "1" to socket.io; a channel's name does not tell. */
  #hasNumber(room: string): boolean {
    return room !== "" && Map.prototype.has.call(this.rooms, Number(room));
  }

  /** What the adapter is to read: without whom the gate holds back. */
  #read(bytes: Uint8Array): unknown {
    const message: unknown = decode(bytes);
    if (!Array.isArray(message)) return message;
    const [sender, packet, options] = emissionOf(message);
    const { gate } = this.#gateway;
    if (gate === undefined || !hasJob(options)) return [sender, packet, options];
    const { rooms, except, flags } = targets.parse(options);
    const meant = { rooms: new Set(rooms), except: new Set(except), flags };
    const left = passGate(gate, this, meant, (to) => Adapter.prototype.broadcast.call(this, packet, to));
    return [sender, packet, left];
  }
}
