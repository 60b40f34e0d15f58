import { decode, encode } from "notepack.io";
import type { EmitterWire } from "../emitter.ts";
import type { Heard, Listener, Subscription } from "../port.ts";
import { channelRoom, userRoom } from "#crds";
import type { Publisher } from "./publisher.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** Channels of socket.io's Redis adapter; every emitter in every language knows them. */
export const emissionChannel = (prefix: string, nsp: string, room?: string): string =>
  room === undefined ? `${prefix}#${nsp}#` : `${prefix}#${nsp}#${room}#`;
export const requestChannel = (prefix: string, nsp: string): string => `${prefix}-request#${nsp}#`;

/** `text` as a literal in Redis' glob patterns. */
export const literal = (text: string): string => text.replace(/[\\*?[\]]/g, String.raw`\$&`);

/** Request types of socket.io's Redis adapter that emitters send. */
export const REQUEST = { join: 2, leave: 3, disconnect: 4 } as const;
const EMITTER = "emitter";
const EVENT = 2;
const MAIN = "/";

/** Speaks as `@socket.io/redis-emitter` does, over this process's one publishing connection. */
export const redisEmitterWire = (prefix: string, publisher: Publisher): EmitterWire => {
  const request = (type: number, room: string, rest: object) =>
    publisher.publish(
      requestChannel(prefix, MAIN),
      JSON.stringify({ type, opts: { rooms: [room], except: [] }, ...rest }),
    );
  return {
    emit: (room, data, flags) => {
      const packet = { type: EVENT, data, nsp: MAIN };
      const options = { rooms: room === undefined ? [] : [room], flags, except: [] };
      publisher.publish(emissionChannel(prefix, MAIN, room), encode([EMITTER, packet, options]));
    },
    join: (room, joined) => request(REQUEST.join, room, { rooms: [joined] }),
    leave: (room, left) => request(REQUEST.leave, room, { rooms: [left] }),
    disconnect: (room) => request(REQUEST.disconnect, room, { close: true }),
  };
};

const eventOf = (message: Buffer): { rooms: unknown[]; event: string; args: unknown[] } => {
  const [, packet, options]: unknown[] = decode(message);
  if (typeof packet !== "object" || packet === null || !("data" in packet) || !Array.isArray(packet.data))
    throw new Error("not an emission");
  const rooms = typeof options === "object" && options !== null && "rooms" in options ? options.rooms : undefined;
  const [event, ...args]: unknown[] = packet.data;
  return { rooms: Array.isArray(rooms) ? rooms : [], event: String(event), args };
};

/** Hears what redis-adapters and emitters publish: emissions to one room on that room's channel, to several on the namespace's. */
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
