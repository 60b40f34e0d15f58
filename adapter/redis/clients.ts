import { HEARD_BEFORE } from "./copies.ts";
import type { RedisGateway } from "./gateway-adapter.ts";
import type { Heard, Hearing } from "./subscriptions.ts";
import { copyId, emissionChannel, socketsPattern } from "./wire.ts";

type Listener = (...args: unknown[]) => unknown;

/** What the adapter takes for an ioredis client to publish with: it neither throws nor leaves a rejection. */
export const publishingClient = ({ publisher, asking }: Pick<RedisGateway, "publisher" | "asking">) => ({
  publish: (channel: string, message: Uint8Array | string) =>
    publisher.publish(channel, asking.signed(channel, message)),
  send_command: (
    _command: string,
    [, channel]: [string, string],
    done: (error: unknown, reply?: [string, number]) => void,
  ) => {
    publisher.subscribers([channel]).then((counts) => done(null, [channel, counts?.[0] ?? 1]), done);
  },
  on: () => {},
  off: () => {},
});

/** What an adapter knows of the messages that come, before they are decoded. */
export interface Known {
  /** A socket here is in the room. */
  isHeld(room: string): boolean;
  /** The adapter has said it itself, and acted on it. */
  isOwn(message: Buffer): boolean;
  /** Not a copy of what was read. */
  isNew(copy: { publisher: string; number: string }): boolean;
  /** Answers a question of this gateway. */
  isAnswer(channel: string, message: Buffer): boolean;
}

/** What the adapter takes for an ioredis client to subscribe with: the namespace's channels, and the rooms' that are told by `rooms`. */
export const subscribingClient = (
  nsp: string,
  { prefix, subscriptions }: Pick<RedisGateway, "prefix" | "subscriptions">,
  known: Known,
) => {
  const listeners = new Map<string, Listener>();
  const hearings = new Map<string, Hearing>();
  const everyone = emissionChannel(prefix, nsp);
  const emission: Heard = (channel, message) => {
    if (channel !== everyone && !known.isHeld(channel.slice(everyone.length, -1))) return;
    if (known.isOwn(message)) return;
    const copy = copyId(message);
    if (copy !== undefined && !known.isNew(copy)) return HEARD_BEFORE;
    return listeners.get("pmessageBuffer")?.(undefined, channel, message);
  };
  const request: Heard = (channel, message) =>
    known.isOwn(message) || known.isAnswer(channel, message)
      ? undefined
      : listeners.get("messageBuffer")?.(channel, message);
  return {
    hearings,
    /** The way in of rooms. */
    rooms: {
      subscribe: async (channel: string): Promise<AsyncDisposable> => {
        // The room "" has none of its own.
        const hearing = channel === everyone ? undefined : subscriptions.channel(channel, emission);
        await hearing?.active;
        return { [Symbol.asyncDispose]: async () => hearing?.end() };
      },
    },
    on: (event: string, listener: Listener) => void listeners.set(event, listener),
    off: (event: string) => void listeners.delete(event),
    psubscribe: () => {
      hearings.set("everyone", subscriptions.channel(everyone, emission));
      hearings.set("sockets", subscriptions.pattern(socketsPattern(prefix, nsp), emission));
    },
    subscribe: (channels: string[]) => {
      for (const channel of channels) hearings.set(channel, subscriptions.channel(channel, request));
    },
    punsubscribe: () => {},
    unsubscribe: () => {
      for (const hearing of hearings.values()) hearing.end();
    },
  };
};
