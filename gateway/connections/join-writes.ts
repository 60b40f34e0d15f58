import type { Socket as TcpSocket } from "node:net";
import { Sender } from "ws";

declare module "ws" {
  /** ws's own framing; its types leave it out. */
  export const Sender: {
    frame(
      data: Buffer,
      options: { fin: boolean; rsv1: boolean; mask: boolean; readOnly: boolean; opcode: number },
    ): Buffer[];
  };
}

type Frame = readonly Buffer[];

/** A packet as engine.io hands it to a transport. */
interface Packet {
  type: string;
  data?: unknown;
  options?: { wsPreEncodedFrame?: Frame };
}

/** What is used of engine.io's WebSocket transport (engine.io 6.6, build/transports/websocket.js). */
interface Transport {
  name: string;
  writable: boolean;
  supportsBinary: boolean;
  perMessageDeflate: unknown;
  parser: { encodePacket(packet: Packet, supportsBinary: boolean, callback: (data: string | Buffer) => void): void };
  socket: { _socket?: TcpSocket; _sender?: { _state: number; sendFrame: unknown } };
  send(packets: Packet[]): void;
  doClose(done: () => void): void;
  onError(message: string, description?: unknown): void;
  emit(event: "drain" | "ready"): boolean;
}

interface Engine {
  createTransport(name: string, request: unknown): Transport;
}

const TEXT = 1;
const BINARY = 2;
const IDLE = 0;

/** Joined bytes of the last few different sequences of frames: the sockets of a room wait for the same ones in the same turn. */
export const createJoiner = (): ((frames: readonly Frame[]) => Buffer) => {
  let last: { frames: readonly Frame[]; bytes: Buffer } | undefined;
  return (frames) => {
    if (
      last !== undefined &&
      last.frames.length === frames.length &&
      last.frames.every((frame, i) => frame === frames[i])
    )
      return last.bytes;
    const bytes = Buffer.concat(frames.flat());
    last = { frames, bytes };
    return bytes;
  };
};

/** The WebSocket frame of a packet: the one that was made for the whole room, or its own. */
const frameOf = (transport: Transport, packet: Packet): Frame => {
  const ready = packet.options?.wsPreEncodedFrame;
  if (ready !== undefined) return ready;
  let frame: Frame = [];
  // For text and Buffers engine.io's parser calls back before it returns.
  transport.parser.encodePacket(packet, transport.supportsBinary, (data) => {
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    const opcode = typeof data === "string" ? TEXT : BINARY;
    frame = Sender.frame(bytes, { fin: true, rsv1: false, mask: false, readOnly: true, opcode });
  });
  return frame;
};

const install = (transport: Transport, join: (frames: readonly Frame[]) => Buffer): void => {
  const { socket } = transport;
  const sendOneByOne = transport.send.bind(transport);
  const close = transport.doClose.bind(transport);
  let held: Frame[] = [];
  /** Calls of `send` that engine.io has not had its `drain` for. */
  let owed = 0;
  let turnIsDue = false;

  const drained = (calls: number) => {
    for (let i = 0; i < calls; i++) transport.emit("drain");
    transport.writable = true;
    transport.emit("ready");
  };
  const write = () => {
    const frames = held;
    const calls = owed;
    held = [];
    owed = 0;
    transport.writable = false;
    socket._socket?.write(join(frames), (error) => {
      if (error) transport.onError("write error", error.stack);
      else drained(calls);
    });
  };
  /** End of the turn: what came since the first packet waits in engine.io's own buffer and goes along. */
  const turn = () => {
    if (held.length > 0) {
      const calls = owed;
      owed = 0;
      drained(calls);
    }
    turnIsDue = false;
    if (held.length > 0) write();
  };

  transport.send = (packets) => {
    const sender = socket._sender;
    // A sender that compresses or still has something in hand keeps its own order.
    if (socket._socket === undefined || sender?._state !== IDLE || transport.perMessageDeflate)
      return sendOneByOne(packets);
    transport.writable = false;
    owed++;
    for (const packet of packets) held.push(frameOf(transport, packet));
    if (turnIsDue) return;
    turnIsDue = true;
    process.nextTick(turn);
  };
  transport.doClose = (done) => {
    if (held.length > 0) write();
    close(done);
  };
};

/**
 * Makes each WebSocket of `engine` write once per turn of the event loop, whatever was sent to it in that turn; the sockets that are sent
 * the same share the bytes. What is on the wire stays the same. A system call per packet is most of what a delivery costs.
 */
export const joinWrites = (server: object): void => {
  // engine.io's types keep createTransport to subclasses, which socket.io gives no way to name.
  const engine = server as Engine;
  const create = engine.createTransport.bind(engine);
  const join = createJoiner();
  engine.createTransport = (name, request) => {
    const transport = create(name, request);
    if (name === "websocket" && typeof transport.socket._sender?.sendFrame === "function") install(transport, join);
    return transport;
  };
};
