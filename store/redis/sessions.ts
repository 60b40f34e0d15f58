import { z } from "zod";
import type { Sessions } from "../port.ts";
import type { RedisConnection } from "./connection.ts";

const text = z.instanceof(Buffer).transform((bytes) => bytes.toString("utf8"));
const takeReply = z.union([z.tuple([]), z.tuple([text]), z.tuple([text, text, text, text, z.instanceof(Buffer)])]);

/** Sessions per call, so that Redis is never held for long. */
const BATCH = 500;
const flag = (it: boolean): string => (it ? "1" : "0");

/** Sessions of clients, a hash each. */
export const redisSessions = (redis: RedisConnection): Sessions => ({
  async put(sessions, ttlSeconds) {
    await Promise.all(
      sessions.map(({ pid, user, guest, turn, version, body }) =>
        redis.run("sessionPut", pid, user, flag(guest), turn, version, Buffer.from(body), ttlSeconds * 1000),
      ),
    );
  },
  async keep(pids, ttlSeconds) {
    for (let from = 0; from < pids.length; from += BATCH)
      await redis.run("sessionKeep", ttlSeconds * 1000, ...pids.slice(from, from + BATCH));
  },
  async take(pid, { user, guest }) {
    const reply = takeReply.parse(await redis.runBuffer("sessionTake", pid, user, flag(guest)));
    if (reply.length !== 5) return reply.length === 0 ? undefined : "taken";
    const [owner, isGuest, turn, version, body] = reply;
    return { pid, user: owner, guest: isGuest === "1", turn: Number(turn), version: Number(version), body };
  },
  async drop(pid, turn) {
    await redis.run("sessionDrop", pid, turn);
  },
});
