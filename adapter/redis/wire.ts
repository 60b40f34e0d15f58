import { randomBytes } from "node:crypto";
import { decode, encode } from "notepack.io";
import { z } from "zod";
import { channelRoom, userRoom } from "#crds";
import { createAddressing, type Addressing } from "../addressing.ts";
import type { EmitterWire } from "../emitter.ts";
import type { Heard, Listener, Subscription } from "../port.ts";
import type { Publisher } from "./publisher.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** Channels of socket.io's Redis adapter; every emitter in every language knows them. The room "" has none of its own. */
export const emissionChannel = (prefix: string, nsp: string, room = ""): string =>
  room === "" ? `${prefix}#${nsp}#` : `${prefix}#${nsp}#${room}#`;
export const requestChannel = (prefix: string, nsp: string): string => `${prefix}-request#${nsp}#`;
export const responseChannel = (prefix: string, nsp: string): string => `${prefix}-response#${nsp}#`;

/**
 * Matched by the pattern of socket.io's Redis adapter, which finds no room in it and reads for whom it is in the message; none of ours
 * hears it.
 */
const officialChannel = (prefix: string, nsp: string): string => `${prefix}#${nsp}##`;

/** `text` as a literal in Redis' glob patterns. */
export const literal = (text: string): string => text.replace(/[\\*?[\]]/g, String.raw`\$&`);

/** The channels of rooms that have the form of a socket's id: 20 characters of base64url. */
export const socketsPattern = (prefix: string, nsp: string): string =>
  `${literal(emissionChannel(prefix, nsp))}${"[-A-Za-z0-9_]".repeat(20)}#`;

/** Request types of socket.io's Redis adapter. */
export const REQUEST = { join: 2, leave: 3, disconnect: 4, fetch: 5, serverSideEmit: 6 } as const;

const hasBinary = (it: unknown): boolean =>
  it instanceof Uint8Array ||
  it instanceof ArrayBuffer ||
  (typeof it === "object" && it !== null && Object.values(it).some(hasBinary));

/** A request as all adapters read it: JSON, or MessagePack where that would spoil it. */
export const encodeRequest = (request: object): Uint8Array | string =>
  hasBinary(request) ? encode(request) : JSON.stringify(request);

const EMITTER = "emitter";
const EVENT = 2;
const MAIN = "/";

interface Target {
  rooms: ReadonlySet<string>;
  except: readonly string[];
  flags: object;
}

/** Publishes emissions: to everyone and to one room as socket.io's Redis adapter does, to several rooms as copies that hearers take once. */
export type Emissions = (sender: string, nsp: string, packet: object, target: Target) => void;

/** Above this, copies cost more than gateways that take in what they do not need. */
const MAX_COPIES_BYTES = 1 << 20;

export const createEmissions = (prefix: string, publisher: Publisher, addressing: Addressing): Emissions => {
  const nextId = createCopyIds();
  return (sender, nsp, packet, { rooms, except, flags }) => {
    const options = { rooms: [...rooms], except, flags };
    const whole = encode([sender, packet, options]);
    const everyone = emissionChannel(prefix, nsp);
    const channels = addressing.topics(nsp, rooms);
    if (typeof channels === "string") return publisher.publish(channels, whole);
    if (channels.includes(everyone) || channels.length * whole.length > MAX_COPIES_BYTES)
      return publisher.publish(everyone, whole);
    const copy = encode([sender, null, nextId(), options, packet]);
    for (const channel of channels) publisher.publish(channel, copy);
    publisher.publish(officialChannel(prefix, nsp), whole);
  };
};

export const redisAddressing = (prefix: string): Addressing =>
  createAddressing(undefined, {
    namespaceTopic: (nsp) => emissionChannel(prefix, nsp),
    roomTopic: (nsp, room) => emissionChannel(prefix, nsp, room),
  });

const rooms = z.array(z.union([z.string(), z.number()]).transform(String)).catch([]);

/** Whom an emission is for. Emitters in other languages write nothing, null or "" for what is empty. */
export const targets = z.looseObject({ rooms, except: rooms, flags: z.looseObject({}).catch({}) });
const PUBLISHER_LENGTH = 6;
const NUMBER_LENGTH = 6;
const ID_LENGTH = PUBLISHER_LENGTH + NUMBER_LENGTH;

/** Who publishes, and a number in base 36, of one length together, so that they stand at a fixed place. */
const createCopyIds = (
  publisher: string = randomBytes(PUBLISHER_LENGTH).toString("base64url").slice(0, PUBLISHER_LENGTH),
) => {
  let last = 0;
  return () => {
    last = (last + 1) % 36 ** NUMBER_LENGTH;
    return publisher + last.toString(36).padStart(NUMBER_LENGTH, "0");
  };
};

/** Senders of copies are adapters, whose names have six characters: `[sender, null, id, options, packet]` in MessagePack. */
const COPY_HEAD = { list: 0x95, nilAt: 8, nil: 0xc0, lengthAt: 9, length: 0xa0 + ID_LENGTH, idAt: 10 };

/** Of which emission a message is a copy, read without decoding it; undefined where it is none. */
export const copyId = (message: Buffer): { publisher: string; number: string } | undefined => {
  const { list, nilAt, nil, lengthAt, length, idAt } = COPY_HEAD;
  if (message[0] !== list || message[nilAt] !== nil || message[lengthAt] !== length) return undefined;
  const numberAt = idAt + PUBLISHER_LENGTH;
  return {
    publisher: message.toString("latin1", idAt, numberAt),
    number: message.toString("latin1", numberAt, idAt + ID_LENGTH),
  };
};

/** `[sender, packet, options]` of a decoded emission, a copy or not. */
export const emissionOf = (message: unknown[]): unknown[] =>
  message[1] === null ? [message[0], message[4], message[3]] : message;

/** Speaks as `@socket.io/redis-emitter` does, over this process's one publishing connection. */
export const redisEmitterWire = (
  prefix: string,
  { publisher, emissions, addressing }: { publisher: Publisher; emissions: Emissions; addressing: Addressing },
): EmitterWire => {
  const request = (type: number, room: string, rest: object) =>
    publisher.publish(
      requestChannel(prefix, MAIN),
      JSON.stringify({ type, opts: { rooms: [room], except: [] }, ...rest }),
    );
  return {
    emit: (room, data, flags) =>
      emissions(
        EMITTER,
        MAIN,
        { type: EVENT, data, nsp: MAIN },
        { rooms: new Set(room === undefined ? [] : [room]), except: [], flags },
      ),
    join: (room, joined) => {
      request(REQUEST.join, room, { rooms: [joined] });
      addressing.joined(MAIN, [joined]);
    },
    leave: (room, left) => request(REQUEST.leave, room, { rooms: [left] }),
    disconnect: (room) => request(REQUEST.disconnect, room, { close: true }),
  };
};

const eventOf = (message: Buffer): { rooms: string[]; event: string; args: unknown[] } => {
  const decoded = z.array(z.unknown()).parse(decode(message));
  const [, packet, options] = emissionOf(decoded);
  const [event, ...args] = z.looseObject({ data: z.array(z.unknown()) }).parse(packet).data;
  return { rooms: targets.parse(options).rooms, event: String(event), args };
};

/** Hears what redis-adapters and emitters publish: emissions to a room on that room's channel, those of others to several on the namespace's. */
export const redisListener = (prefix: string, subscriptions: Subscriptions): Listener => {
  const hear = async (room: string, heard: Heard): Promise<Subscription> => {
    const tell = (_channel: string, message: Buffer) => {
      const { rooms, event, args } = eventOf(message);
      if (rooms.includes(room)) heard(event, args);
    };
    const hearings = [
      subscriptions.channel(emissionChannel(prefix, MAIN, room), tell),
      subscriptions.channel(emissionChannel(prefix, MAIN), tell),
    ];
    const end = async () => {
      for (const hearing of hearings) hearing.end();
    };
    try {
      await Promise.all(hearings.map(({ active }) => active));
    } catch (error) {
      await end();
      throw error;
    }
    return { [Symbol.asyncDispose]: end };
  };
  return {
    listen: (channel, heard) => hear(channelRoom(channel), heard),
    listenUser: (user, heard) => hear(userRoom(user), heard),
  };
};
