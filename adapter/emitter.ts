import type { BroadcastFlags } from "socket.io-adapter";
import { channelRoom, userRoom } from "#crds";
import type { EmitContext, Emitter, EmitTarget } from "./port.ts";

/** What travels beside an emission. */
export interface EmitFlags extends BroadcastFlags {
  job?: string;
}

/** How a driver says something to the gateways: `room` undefined is everyone. Order: as called, with the Bus of the same process. */
export interface EmitterWire {
  emit(room: string | undefined, data: [event: string, ...args: unknown[]], flags: EmitFlags): void;
  join(room: string, joined: string): void;
  leave(room: string, left: string): void;
  disconnect(room: string): void;
}

const RESERVED = new Set(["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"]);

/** An emitter over a driver's wire. Emitting one of socket.io's own events throws, as it does there. */
export const createEmitter = (wire: EmitterWire, { job }: EmitContext = {}): Emitter => {
  const flags: EmitFlags = job === undefined ? {} : { job };
  const target = (room: string | undefined): EmitTarget => ({
    emit: (event, ...args) => {
      if (RESERVED.has(event)) throw new Error(`"${event}" is a reserved event name`);
      wire.emit(room, [event, ...args], flags);
    },
  });
  return {
    to: (channel) => target(channelRoom(channel)),
    toUser: (user) => target(userRoom(user)),
    broadcast: () => target(undefined),
    join: (user, channel) => wire.join(userRoom(user), channelRoom(channel)),
    leave: (user, channel) => wire.leave(userRoom(user), channelRoom(channel)),
    disconnect: (user) => wire.disconnect(userRoom(user)),
  };
};
