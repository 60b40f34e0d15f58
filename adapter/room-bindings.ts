import type { Bus, Subscription } from "./port.ts";
import { isBindable } from "./addressing.ts";

const LOOK_MS = 100;

export interface RoomBindingsOptions {
  bus: Bus;
  /** The Bus topic of a room. */
  topicOf: (room: string) => string;
  hear: (message: Uint8Array) => void;
  /** Whether a socket here is in the room. */
  isHeld: (room: string) => boolean;
  /** ms after its last member until a room is unbound. */
  lingerMs: number;
}

/** The rooms whose topics this process is subscribed to: from the first member here to some seconds after the last. */
export interface RoomBindings extends AsyncDisposable {
  /** Binds the room, where it can be bound. */
  bind(room: string): void;
  /** Has the room unbound some seconds from now, unless it is held then. */
  release(room: string): void;
  /** Resolves when all that is published to `rooms` from now on arrives, or the Bus is away; undefined where that is so now. Never rejects. */
  active(rooms: Iterable<string>): Promise<void> | undefined;
}

interface Binding {
  subscription: Promise<Subscription | undefined>;
  active: boolean;
}

export const createRoomBindings = ({ bus, topicOf, hear, isHeld, lingerMs }: RoomBindingsOptions): RoomBindings => {
  const bound = new Map<string, Binding>();
  /** Room → when it is looked at again, in that order. */
  const leaving = new Map<string, number>();
  const waiting = new Set<() => void>();
  let sweeping: NodeJS.Timeout | undefined;
  let looking: NodeJS.Timeout | undefined;
  let closed = false;

  const unbind = async (room: string): Promise<void> => {
    const binding = bound.get(room);
    bound.delete(room);
    await (await binding?.subscription)?.[Symbol.asyncDispose]();
  };
  const sweep = () => {
    sweeping = undefined;
    const now = performance.now();
    for (const [room, at] of leaving) {
      if (at > now) {
        sweeping = setTimeout(sweep, at - now).unref();
        return;
      }
      leaving.delete(room);
      if (!isHeld(room)) void unbind(room);
    }
  };
  const look = () => {
    if (bus.connected()) return;
    for (const resolve of waiting) resolve();
  };
  const whileConnected = async (work: Promise<unknown>): Promise<void> => {
    const away = Promise.withResolvers<void>();
    waiting.add(away.resolve);
    looking ??= setInterval(look, LOOK_MS).unref();
    await Promise.race([work, away.promise]);
    waiting.delete(away.resolve);
    if (waiting.size > 0) return;
    clearInterval(looking);
    looking = undefined;
  };

  return {
    bind: (room) => {
      leaving.delete(room);
      if (closed || bound.has(room) || !isBindable(room)) return;
      const binding: Binding = {
        active: false,
        subscription: bus.subscribe(topicOf(room), hear).then(
          (subscription) => {
            binding.active = true;
            return subscription;
          },
          // Only where the Bus is closed.
          () => undefined,
        ),
      };
      bound.set(room, binding);
    },
    release: (room) => {
      if (closed || !bound.has(room)) return;
      leaving.delete(room);
      leaving.set(room, performance.now() + lingerMs);
      sweeping ??= setTimeout(sweep, lingerMs).unref();
    },
    active: (rooms) => {
      const missing: Promise<unknown>[] = [];
      for (const room of rooms) {
        const binding = bound.get(room);
        if (binding !== undefined && !binding.active) missing.push(binding.subscription);
      }
      return missing.length === 0 || !bus.connected() ? undefined : whileConnected(Promise.all(missing));
    },
    [Symbol.asyncDispose]: async () => {
      closed = true;
      clearTimeout(sweeping);
      for (const resolve of waiting) resolve();
      const rooms = [...bound.keys()];
      if (bus.connected()) await Promise.all(rooms.map(unbind));
      else for (const room of rooms) void unbind(room);
    },
  };
};
