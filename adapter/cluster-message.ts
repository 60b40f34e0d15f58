import { Decoder, Encoder } from "@msgpack/msgpack";
import type { BroadcastFlags, BroadcastOptions } from "socket.io-adapter";
import { z } from "zod";
import type { EmitFlags } from "./emitter.ts";
import { encodeEvent, type Frames } from "./frames.ts";

/** Bus topic that all gateways of a socket.io namespace hear. */
export const namespaceTopic = (nsp: string): string =>
  nsp.includes("#") || nsp.includes("%") ? `io:${nsp.replaceAll("%", "%25").replaceAll("#", "%23")}` : `io:${nsp}`;
/** Bus topic that those hear who hold a member of the room. */
export const roomTopic = (nsp: string, room: string): string => `${namespaceTopic(nsp)}#${room}`;
/** Bus topic on which a node gets answers. */
export const answerTopic = (node: string): string => `io-answer:${node}`;
/** Bus topic on which nodes tell which namespaces they serve. */
export const NODES_TOPIC = "io-nodes";

/** Where answers go. */
export interface Asker {
  node: string;
  request: number;
}

/** What gateways and emitters say to the gateways of a namespace. */
export type ClusterMessage =
  | { kind: "broadcast"; to: BroadcastOptions; frames: Frames; asker?: Asker | undefined }
  | { kind: "join" | "leave"; to: BroadcastOptions; rooms: string[] }
  | { kind: "disconnect"; to: BroadcastOptions; close: boolean }
  | { kind: "fetch"; to: BroadcastOptions; asker: Asker }
  | { kind: "server-side-emit"; frames: Frames; asker?: Asker | undefined };

/** What clients and rooms can observe. */
export type RoomMessage = Extract<ClusterMessage, { kind: "broadcast" | "join" | "leave" | "disconnect" }>;

/** What one gateway answers: how many clients it asked, what one of them said, or its whole answer. */
export interface Answer {
  request: number;
  from: string;
  kind: "asked" | "ack" | "whole";
  count: number;
  frames: Frames;
}

/** Length of a sender's id, which stands at a fixed place in front, so that one's own messages are known without decoding. */
export const SENDER_BYTES = 8;
const SENDER_AT = 3;
const KINDS = ["broadcast", "join", "leave", "disconnect", "fetch", "server-side-emit"] as const;
const encoder = new Encoder({ ignoreUndefined: true });
const decoder = new Decoder();
const ANSWERS = ["asked", "ack", "whole"] as const;
const NOWHERE: BroadcastOptions = { rooms: new Set() };

/** As MessagePack: `[sender, kind, rooms, except, flags, content, asking node, request]`. */
export const encodeMessage = (sender: Uint8Array, message: ClusterMessage): Uint8Array => {
  const { rooms, except = new Set(), flags = {} } = "to" in message ? message.to : NOWHERE;
  const asker = "asker" in message ? message.asker : undefined;
  let content: unknown;
  switch (message.kind) {
    case "broadcast":
    case "server-side-emit":
      content = message.frames;
      break;
    case "disconnect":
      content = [message.close];
      break;
    case "fetch":
      content = [];
      break;
    default:
      content = message.rooms;
  }
  const target = [[...rooms], [...except], flags];
  const tail = asker === undefined ? [] : [asker.node, asker.request];
  return encoder.encode([sender, KINDS.indexOf(message.kind), ...target, content, ...tail]);
};

/** Whether the message is one's own. */
export const isFrom = (sender: Uint8Array, message: Uint8Array): boolean => {
  for (let index = 0; index < SENDER_BYTES; index += 1) if (message[SENDER_AT + index] !== sender[index]) return false;
  return true;
};

/** A view of who said the message. */
export const senderOf = (message: Uint8Array): Uint8Array => message.subarray(SENDER_AT, SENDER_AT + SENDER_BYTES);

const array = (value: unknown): unknown[] => {
  if (!Array.isArray(value)) throw new Error("not a message of a gateway");
  return value;
};
const strings = (value: unknown): string[] => array(value).map(String);
const frames = (value: unknown): Frames =>
  array(value).map((part) =>
    part instanceof Uint8Array ? Buffer.from(part.buffer, part.byteOffset, part.byteLength) : String(part),
  );

const OPEN_BRACE = 0x7b;
const RESERVED = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];
const foreign = z.object({
  v: z.literal(1, "only v 1 is known"),
  rooms: z.array(z.string()).default([]),
  except: z.array(z.string()).default([]),
  event: z.string().refine((event) => !RESERVED.includes(event), "is socket.io's own"),
  args: z.array(z.unknown()).default([]),
  job: z.string().optional(),
});

/** What publishers without our encoding say, as JSON: `{"v": 1, "rooms", "except", "event", "args", "job"}`; all but `v` and `event` may be absent. */
const decodeForeign = (bytes: Uint8Array, nsp: string): ClusterMessage => {
  const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  const { rooms, except, event, args, job } = foreign.parse(JSON.parse(text));
  const flags: EmitFlags = job === undefined ? {} : { job };
  return {
    kind: "broadcast",
    to: { rooms: new Set(rooms), except: new Set(except), flags },
    frames: encodeEvent(nsp, [event, ...args]),
  };
};

/** Reads MessagePack of ours, and JSON of others. `nsp` is the namespace it came to. Throws where the bytes are neither. */
export const decodeMessage = (bytes: Uint8Array, nsp: string): ClusterMessage => {
  if (bytes[0] === OPEN_BRACE) return decodeForeign(bytes, nsp);
  const [, number, rooms, except, flags, content, node, request] = array(decoder.decode(bytes));
  const kind = KINDS[Number(number)];
  const asker = typeof node === "string" && typeof request === "number" ? { node, request } : undefined;
  const to = {
    rooms: new Set(strings(rooms)),
    except: new Set(strings(except)),
    flags: typeof flags === "object" && flags !== null ? (flags satisfies BroadcastFlags) : {},
  };
  switch (kind) {
    case "broadcast":
      return { kind, to, frames: frames(content), asker };
    case "join":
    case "leave":
      return { kind, to, rooms: strings(content) };
    case "disconnect":
      return { kind, to, close: array(content)[0] === true };
    case "fetch":
      if (asker === undefined) throw new Error("a question without an asker");
      return { kind, to, asker };
    case "server-side-emit":
      return { kind, frames: frames(content), asker };
    default:
      throw new Error("a message of an unknown kind");
  }
};

/** As MessagePack: `[request, node, kind, count, frames]`. */
export const encodeAnswer = ({ request, from, kind, count, frames: parts }: Answer): Uint8Array =>
  encoder.encode([request, from, ANSWERS.indexOf(kind), count, parts]);

/** Throws where the bytes are none of ours. */
export const decodeAnswer = (bytes: Uint8Array): Answer => {
  const [request, from, number, count, parts] = array(decoder.decode(bytes));
  const kind = ANSWERS[Number(number)];
  if (kind === undefined) throw new Error("an answer of an unknown kind");
  return { request: Number(request), from: String(from), kind, count: Number(count), frames: frames(parts) };
};
