import { decode, encode } from "@msgpack/msgpack";
import { z } from "zod";
import { historyEntry } from "#crds";
import type { History, Ids, Revocations } from "../port.ts";
import type { RedisConnection } from "./connection.ts";

const beginReply = z.union([z.tuple([]), z.tuple([z.string(), z.string().nullable()])]);

/** Job ids that clients gave. */
export const redisIds = (redis: RedisConnection): Ids => ({
  async begin(key, { event, gateway }) {
    const [held, ack] = beginReply.parse(await redis.run("idBegin", key, event, gateway));
    if (held === undefined) return { state: "new" };
    return ack === null || ack === undefined
      ? { state: "pending", event: held }
      : { state: "taken", event: held, ack: JSON.parse(ack) as unknown };
  },
  async take(key, ack, event) {
    await redis.run("idTake", key, JSON.stringify(ack) ?? "null", event ?? "");
  },
  async drop(key) {
    await redis.run("idDrop", key);
  },
});

const ttlMs = (seconds: number): number => Math.ceil(seconds * 1000);

/** Revoked tokens, each a key that expires with the token. */
export const redisRevocations = (redis: RedisConnection, prefix: string): Revocations => ({
  async revoke(what, ttlSeconds) {
    if (ttlSeconds <= 0) return;
    if ("user" in what) await redis.run("revokeUser", what.user, what.before, ttlMs(ttlSeconds));
    else await redis.ask((it) => it.set(`${prefix}revoked:jti:${what.jti}`, "1", "PX", ttlMs(ttlSeconds)));
  },
  async isRevoked({ jti, user, issuedAt }) {
    const keys = [`${prefix}revoked:user:${user}`, ...(jti === undefined ? [] : [`${prefix}revoked:jti:${jti}`])];
    const [before, token] = await redis.ask((it) => it.mget(keys));
    return (typeof before === "string" && issuedAt < Number(before)) || typeof token === "string";
  },
});

const SEPARATOR = "|".charCodeAt(0);

/** The last events of a channel; binary arguments stay binary. */
export const redisHistory = (redis: RedisConnection): History => ({
  async append(channel, entry, { maxMessages, ttlSeconds }) {
    if (maxMessages < 1 || ttlSeconds <= 0) return;
    const bytes = Buffer.from(encode(entry, { ignoreUndefined: true }));
    await redis.run("historyAppend", channel, bytes, maxMessages, ttlMs(ttlSeconds));
  },
  async last(channel, limit) {
    if (limit < 1) return [];
    const entries = z.array(z.instanceof(Buffer)).parse(await redis.runBuffer("historyLast", channel, limit));
    return entries.map((bytes) => historyEntry.parse(decode(bytes.subarray(bytes.indexOf(SEPARATOR) + 1))));
  },
});
