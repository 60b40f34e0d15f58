import type { Socket } from "socket.io";
import { PacketType } from "socket.io-parser";
import { encodeEvent, type Frames } from "../frames.ts";
import { insides, withArgument, type WriteOptions } from "./outgoing.ts";

export interface DirectOptions {
  nsp: string;
  /** By the app's parser. */
  encode: (packet: object) => Frames;
  /** An event's frames by the app's parser. */
  written: (frames: Frames) => Frames;
  /** The socket has connected, and `tell` says so to the client. */
  connected: (socket: Socket, tell: () => void) => void;
  /** Runs `act` in its turn. */
  inTurn: (socket: Socket, act: () => void) => void;
  /** The place that it has reached; undefined where it does not want to know. */
  offsetOf: (socket: Socket) => string | undefined;
  /** Whether it is given an ack that goes before all else. */
  isPaying: (socket: Socket) => boolean;
}

const write = (socket: Socket, frames: Frames, options: WriteOptions): void => {
  if (socket.conn.readyState !== "open") return;
  options.compress = options.compress !== false;
  insides(socket).client.writeToEngine(frames, options);
};

/** Lets all that goes to the socket directly wait for its turn, and carry the place that it has reached; its bytes are fixed at the call. */
export const orderDirect = (socket: Socket, options: DirectOptions): void => {
  const { nsp, encode, written, connected, inTurn, offsetOf, isPaying } = options;
  const it = insides(socket);
  const { packet, disconnect } = it;
  it.packet = (said, writing = {}) => {
    const { type } = said;
    if (type === PacketType.CONNECT) {
      const data = said.data === undefined ? undefined : { sid: it.id, pid: it.pid };
      return connected(socket, () => packet.call(socket, { ...said, data }, writing));
    }
    if (type === PacketType.CONNECT_ERROR || isPaying(socket)) return packet.call(socket, said, writing);
    if (type !== PacketType.EVENT || said.id !== undefined) {
      const frames = encode({ ...said, nsp });
      return inTurn(socket, () => write(socket, frames, writing));
    }
    const frames = encodeEvent(nsp, Array.isArray(said.data) ? said.data : []);
    inTurn(socket, () => {
      const offset = offsetOf(socket);
      write(socket, written(offset === undefined ? frames : withArgument(frames, offset)), writing);
    });
  };
  it.disconnect = (close = false) => {
    if (socket.connected) inTurn(socket, () => void disconnect.call(socket, close));
    return socket;
  };
};
