import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { StoreOptions } from "../index.ts";
import type { Store } from "../port.ts";
import { connectStore } from "./connection.ts";
import { redisLedger } from "./ledger.ts";
import { redisPresence } from "./presence.ts";
import { redisSessions } from "./sessions.ts";
import { redisHistory, redisIds, redisRevocations } from "./small.ts";

const beatReply = z.tuple([z.string(), z.number()]);

/** How often a store looks whether the data are still those it wrote to. */
const BEAT_MS = 5000;

/**
 * The store in Redis, 6.2 or later. All keys begin with `realtime:{<cluster>}:`, one slot of a Redis Cluster. Rejects where it cannot
 * connect within 10 s; later it reconnects by itself, with settings read anew.
 */
export const openRedisStore = async (
  { cluster, node, settings, log }: StoreOptions,
  { beatMs = BEAT_MS } = {},
): Promise<Store> => {
  const prefix = `realtime:{${cluster}}:`;
  const redis = await connectStore({ name: `${node}-store`, prefix, settings, log });
  const listeners = new Set<() => void>();
  let epoch: string | undefined;
  let doubt = false;
  let beating = false;
  const beat = async () => {
    if (beating || !redis.connected()) return;
    beating = true;
    const doubted = doubt;
    doubt = false;
    try {
      const [found, evicted] = beatReply.parse(await redis.run("beat", randomUUID(), node));
      const lost = doubted || evicted === 1 || (epoch !== undefined && found !== epoch);
      epoch = found;
      if (lost) for (const listener of listeners) listener();
    } catch (error) {
      doubt ||= doubted;
      log.debug({ err: error }, "the store did not answer a look");
    } finally {
      beating = false;
    }
  };
  redis.onBack(() => {
    doubt = true;
    void beat();
  });
  await beat();
  const timer = setInterval(() => void beat(), beatMs);
  timer.unref();
  return {
    ledger: redisLedger(redis, prefix),
    ids: redisIds(redis),
    presence: redisPresence({ redis, prefix, onDoubt: () => (doubt = true) }),
    revocations: redisRevocations(redis, prefix),
    history: redisHistory(redis),
    sessions: redisSessions(redis),
    connected: () => redis.connected(),
    onLost: (listener) => {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await redis[Symbol.asyncDispose]();
    },
  };
};
