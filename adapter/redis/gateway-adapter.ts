import { RedisAdapter } from "@socket.io/redis-adapter";
import { decode, encode } from "notepack.io";
import type { Namespace } from "socket.io";
import { Adapter, type BroadcastOptions, type Room } from "socket.io-adapter";
import { jobOf, passGate } from "../gate.ts";
import type { JobGate } from "../port.ts";
import type { Publisher } from "./publisher.ts";
import type { Hearing, Subscriptions } from "./subscriptions.ts";
import { emissionChannel, literal, REQUEST } from "./wire.ts";

interface Options {
  prefix: string;
  publisher: Publisher;
  subscriptions: Subscriptions;
  gate?: JobGate | undefined;
}

type Listener = (...args: unknown[]) => unknown;

/** What the adapter takes for an ioredis client to publish with: it neither throws nor leaves a rejection. */
const publishingClient = ({ publisher }: Options) => ({
  publish: (channel: string, message: Uint8Array | string) => publisher.publish(channel, message),
  send_command: (
    _command: string,
    [, channel]: [string, string],
    done: (error: unknown, reply?: [string, number]) => void,
  ) => {
    publisher.subscribers(channel).then((count) => done(null, [channel, count]), done);
  },
  on: () => {},
  off: () => {},
});

/** What the adapter takes for an ioredis client to subscribe with. */
const subscribingClient = (nsp: string, { prefix, subscriptions }: Options) => {
  const listeners = new Map<string, Listener>();
  const hearings = new Map<string, Hearing>();
  /** How requests of this node that it has acted on already begin. */
  let own: Buffer[] = [];
  const isOwn = (message: Buffer) =>
    own.some(
      (start) => message.length > start.length && message.compare(start, 0, start.length, 0, start.length) === 0,
    );
  return {
    hearings,
    ignore: (starts: Buffer[]) => {
      own = starts;
    },
    on: (event: string, listener: Listener) => void listeners.set(event, listener),
    off: (event: string) => void listeners.delete(event),
    psubscribe: (pattern: string) => {
      const glob = `${literal(emissionChannel(prefix, nsp))}*`;
      const tell = (channel: string, message: Buffer) => listeners.get("pmessageBuffer")?.(glob, channel, message);
      hearings.set(pattern, subscriptions.pattern(glob, tell));
    },
    subscribe: (channels: string[]) => {
      const tell = (channel: string, message: Buffer) =>
        isOwn(message) ? undefined : listeners.get("messageBuffer")?.(channel, message);
      for (const channel of channels) hearings.set(channel, subscriptions.channel(channel, tell));
    },
    punsubscribe: (pattern: string) => hearings.get(pattern)?.end(),
    unsubscribe: (channels: string[]) => {
      for (const channel of channels) hearings.get(channel)?.end();
    },
  };
};

/**
 * socket.io's Redis adapter with its wire format, and what it leaves out: joins, leaves and disconnects act on this node's own sockets
 * at once (so that they keep their order with emissions), counting nodes never rejects, emissions pass the job gate.
 */
class GatewayAdapter extends RedisAdapter {
  override addSockets(options: BroadcastOptions, rooms: Room[]): void {
    if (options.flags?.local !== true) super.addSockets(options, rooms);
    super.addSockets(here(options), rooms);
  }
  override delSockets(options: BroadcastOptions, rooms: Room[]): void {
    if (options.flags?.local !== true) super.delSockets(options, rooms);
    super.delSockets(here(options), rooms);
  }
  override disconnectSockets(options: BroadcastOptions, close: boolean): void {
    if (options.flags?.local !== true) super.disconnectSockets(options, close);
    super.disconnectSockets(here(options), close);
  }
  /** Infinity where Redis is away: what waits for all answers then ends by its timeout, with those it has. */
  override serverCount(): Promise<number> {
    return super.serverCount().catch(() => Infinity);
  }
}

const here = (options: BroadcastOptions): BroadcastOptions => ({
  ...options,
  flags: { ...options.flags, local: true },
});

/** Makes the adapter of one namespace, and the promise that it hears the others. */
export const redisGatewayAdapter = (nsp: Namespace, options: Options): { adapter: Adapter; ready: Promise<void> } => {
  const subscriber = subscribingClient(nsp.name, options);
  const parser = {
    encode,
    decode: (bytes: Uint8Array): unknown => {
      const message: unknown = decode(bytes);
      if (options.gate === undefined || !Array.isArray(message)) return message;
      const [uid, packet, { rooms, except, flags }] = message;
      if (uid === adapter.uid || jobOf(flags) === undefined) return message;
      const meant = { rooms: new Set<string>(rooms), except: new Set<string>(except), flags };
      const left = passGate(options.gate, adapter, meant, (to) =>
        Adapter.prototype.broadcast.call(adapter, packet, to),
      );
      return [uid, packet, left];
    },
  };
  const adapter: RedisAdapter = new GatewayAdapter(nsp, publishingClient(options), subscriber, {
    key: options.prefix,
    publishOnSpecificResponseChannel: true,
    parser,
  });
  subscriber.ignore(Object.values(REQUEST).map((type) => Buffer.from(`{"uid":"${adapter.uid}","type":${type},`)));
  const ready = Promise.all([...subscriber.hearings.values()].map(({ active }) => active)).then(() => {});
  ready.catch(() => {});
  return { adapter, ready };
};
