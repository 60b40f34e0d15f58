import { Decoder, Encoder, PacketType, type Packet } from "socket.io-parser";

/** A packet as socket.io's own parser writes it: a text, and the binary parts behind it. */
export type Frames = readonly (string | Uint8Array)[];

/** An event as it goes to clients. */
export const encodeEvent = (nsp: string, data: readonly unknown[]): Frames =>
  new Encoder().encode({ type: PacketType.EVENT, nsp, data: [...data] });

/** Any values, with JSON's semantics plus binary. */
export const encodeValues = (values: readonly unknown[]): Frames =>
  new Encoder().encode({ type: PacketType.ACK, nsp: "/", id: 0, data: [...values] });

/** What an event or values were. Throws where `frames` are neither. */
export const decodeFrames = (frames: Frames): unknown[] => {
  let packet: Packet | undefined;
  const decoder = new Decoder({ maxAttachments: Number.MAX_SAFE_INTEGER });
  decoder.on("decoded", (decoded) => (packet = decoded));
  for (const frame of frames) decoder.add(frame);
  if (packet === undefined || !Array.isArray(packet.data)) throw new Error("the frames are not a whole packet");
  return packet.data;
};
