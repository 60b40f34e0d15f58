import type { Socket } from "socket.io";
import type { BroadcastFlags } from "socket.io-adapter";
import type { PacketType } from "socket.io-parser";
import { Sender } from "ws";
import { decodeFrames, type Frames } from "../frames.ts";

/** What is used of socket.io that its types keep to itself (socket.io 4.8, dist/socket.js, client.js, namespace.js). */
export interface Insides {
  id: string;
  pid?: string | undefined;
  recovered: boolean;
  packet(packet: { type: PacketType; nsp?: string; data?: unknown; id?: number }, options?: WriteOptions): void;
  disconnect(close?: boolean): unknown;
  notifyOutgoingListeners(packet: { data: unknown[] }): void;
  _onclose(reason: string): void;
  client: { writeToEngine(frames: Frames, options: WriteOptions): void };
  nsp: { _preConnectSockets: Map<string, Socket> };
}

export const insides = (socket: Socket): Insides => socket as unknown as Insides;

export interface WriteOptions {
  volatile?: boolean | undefined;
  compress?: boolean | undefined;
  preEncoded?: boolean;
  wsPreEncodedFrame?: unknown;
}

/** The event in `frames` with one more argument, a string that JSON writes as it is. */
export const withArgument = (frames: Frames, argument: string): Frames => {
  const [text, ...parts] = frames;
  return typeof text === "string" ? [`${text.slice(0, -1)},"${argument}"]`, ...parts] : frames;
};

const FRAME = { readOnly: false, mask: false, rsv1: false, opcode: 1, fin: true };

interface Ready {
  frames: Frames;
  options: WriteOptions;
}

/** An event on its way to many sockets: encoded and framed once as it is, and once with the place that it has. */
export class Outgoing {
  readonly #frames: Frames;
  readonly #flags: BroadcastFlags;
  /** By the app's own parser, where it has one. */
  readonly #written: (frames: Frames) => Frames;
  #data: unknown[] | undefined;
  #plain: Ready | undefined;
  #placed: (Ready & { offset: string }) | undefined;

  constructor(frames: Frames, flags: BroadcastFlags = {}, written: (frames: Frames) => Frames = (it) => it) {
    this.#frames = frames;
    this.#flags = flags;
    this.#written = written;
  }

  /** `offset` undefined: as it is. */
  writeTo(socket: Socket, offset: string | undefined): void {
    const { client, notifyOutgoingListeners } = insides(socket);
    if (socket.listenersAnyOutgoing().length > 0) notifyOutgoingListeners.call(socket, this);
    const { frames, options } = offset === undefined ? this.#asItIs() : this.#at(offset);
    client.writeToEngine(frames, options);
  }

  /** What listeners of all that goes out are told. */
  get data(): unknown[] {
    this.#data ??= decodeFrames(this.#frames);
    return this.#data;
  }

  #asItIs(): Ready {
    this.#plain ??= this.#ready(this.#frames);
    return this.#plain;
  }
  #at(offset: string): Ready {
    if (this.#placed?.offset !== offset) this.#placed = { ...this.#ready(withArgument(this.#frames, offset)), offset };
    return this.#placed;
  }
  #ready(standard: Frames): Ready {
    const frames = this.#written(standard);
    const { volatile, compress } = this.#flags;
    const options: WriteOptions = { preEncoded: true, volatile, compress };
    const [text] = frames;
    // "4": engine.io's packet type "message".
    if (frames.length === 1 && typeof text === "string")
      options.wsPreEncodedFrame = Sender.frame(Buffer.from(`4${text}`), FRAME);
    return { frames, options };
  }
}
