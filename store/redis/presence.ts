import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { Evicted, Held, Presence } from "../port.ts";
import type { RedisConnection } from "./connection.ts";

const pair = z.tuple([z.number(), z.number()]);
const lefts = z.array(
  z
    .tuple([z.string(), z.string(), z.number()])
    .transform(([channel, user, last]) => ({ channel, user, lastOfChannel: last === 1 })),
);
const disconnectReply = z.tuple([z.number(), lefts]);
const evictReply = z.tuple([z.array(z.string()), lefts, z.number()]);
const channelsReply = z.array(z.array(z.string()));

/** Sockets per script call, so that Redis is never held for long. */
const BATCH = 500;
const EVICT_BATCH = 200;

interface PresenceOptions {
  redis: RedisConnection;
  prefix: string;
  /** A write failed: presence may be wrong. */
  onDoubt: () => void;
  token?: () => string;
}

/** Presence in Redis: one script call per change. */
export const redisPresence = ({ redis, prefix, onDoubt, token = randomUUID }: PresenceOptions): Presence => {
  const write: RedisConnection["run"] = (script, ...args) =>
    redis.run(script, ...args).catch((error: unknown) => {
      onDoubt();
      throw error;
    });
  return {
    async connect(node, socket, user, limit) {
      const [admitted, connections] = pair.parse(await write("presenceConnect", node, socket, user, limit));
      return { admitted: admitted === 1, connections };
    },
    async disconnect(node, socket) {
      const [connections, left] = disconnectReply.parse(await write("presenceDisconnect", node, socket));
      return { connections, left };
    },
    async enter(node, socket, user, channel) {
      const [ofUser, ofChannel] = pair.parse(await write("presenceEnter", node, socket, user, channel));
      return { firstOfUser: ofUser === 1, firstOfChannel: ofChannel === 1 };
    },
    async leave(node, socket, user, channel) {
      const [ofUser, ofChannel] = pair.parse(await write("presenceLeave", node, socket, user, channel));
      return { lastOfUser: ofUser === 1, lastOfChannel: ofChannel === 1 };
    },
    users: (channel) => redis.ask((it) => it.hkeys(`${prefix}channel:${channel}`)),
    async channels() {
      const counts = await redis.ask((it) => it.hgetall(`${prefix}channels`));
      return Object.entries(counts).map(([channel, count]) => ({ channel, connections: Number(count) }));
    },
    async connections(user) {
      const ids = await redis.ask((it) => it.smembers(`${prefix}user:${user}`));
      return ids.map((id) => ({ node: id.slice(0, id.indexOf("\0")), socket: id.slice(id.indexOf("\0") + 1) }));
    },
    async held(node) {
      const users = Object.entries(await redis.ask((it) => it.hgetall(`${prefix}node:${node}`)));
      const held: Held[] = [];
      for (let from = 0; from < users.length; from += BATCH) {
        const some = users.slice(from, from + BATCH);
        const reply = await redis.run("presenceChannelsOf", node, ...some.map(([socket]) => socket));
        const channels = channelsReply.parse(reply);
        held.push(...some.map(([socket, user], index) => ({ socket, user, channels: channels[index] ?? [] })));
      }
      return held;
    },
    async evict(node) {
      const evicted: Evicted = { sockets: [], left: [] };
      const claim = token();
      for (let more = 1; more === 1;) {
        try {
          const [taken, left, rest] = evictReply.parse(await redis.run("presenceEvict", node, claim, EVICT_BATCH));
          for (let index = 0; index + 1 < taken.length; index += 2)
            evicted.sockets.push({ socket: String(taken[index]), user: String(taken[index + 1]) });
          evicted.left.push(...left);
          more = rest;
        } catch (error) {
          if (evicted.sockets.length === 0) throw error;
          return evicted;
        }
      }
      return evicted;
    },
    nodes: () => redis.ask((it) => it.smembers(`${prefix}nodes`)),
  };
};
