import type { Adapter, BroadcastFlags, BroadcastOptions } from "socket.io-adapter";
import type { JobGate } from "./port.ts";

/** The job that an emission is about, where it says so. */
export const jobOf = (flags: BroadcastFlags | undefined): string | undefined => {
  if (flags === undefined || !("job" in flags)) return undefined;
  return typeof flags.job === "string" ? flags.job : undefined;
};

const isMeant = (adapter: Adapter, socket: string, { rooms, except }: BroadcastOptions): boolean => {
  const own = adapter.socketRooms(socket);
  if (own === undefined || (except !== undefined && !own.isDisjointFrom(except))) return false;
  return rooms.size === 0 || !own.isDisjointFrom(rooms);
};

/**
 * Whom an emission that came from another process goes to now: all of `options` but the socket to which the gate still owes the ack
 * about the emission's job. That one gets it when the gate says so, if it was meant when the emission arrived.
 */
export const passGate = (
  gate: JobGate | undefined,
  adapter: Adapter,
  options: BroadcastOptions,
  deliver: (options: BroadcastOptions) => void,
): BroadcastOptions => {
  if (gate === undefined) return options;
  const job = jobOf(options.flags);
  if (job === undefined) return options;
  let meant = false;
  const flags = options.flags ?? {};
  const held = gate.hold(job, (socket) => {
    if (meant) deliver({ rooms: new Set([socket]), except: new Set(), flags });
  });
  if (held === undefined) return options;
  meant = isMeant(adapter, held, options);
  return { rooms: options.rooms, except: new Set([...(options.except ?? []), held]), flags };
};
