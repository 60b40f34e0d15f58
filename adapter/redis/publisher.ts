import type { RedisConnection } from "#redis";
import type { BusMetrics } from "../metrics.ts";

const MAX_MESSAGES = 100_000;
const MAX_BYTES = 64 << 20;

/** The one way out to Redis of this process, so that everything published keeps its order. */
export interface Publisher {
  /** Never throws, never waits, never queues without bound: what cannot be sent is dropped and counted. */
  publish(channel: string, message: Uint8Array | string): void;
  /** How many connections are subscribed to `channel` at this server, not counting patterns. Rejects where Redis is away. */
  subscribers(channel: string): Promise<number>;
}

export const createPublisher = (connection: RedisConnection, metrics: BusMetrics): Publisher => {
  let messages = 0;
  let bytes = 0;
  return {
    publish: (channel, message) => {
      const redis = connection.current();
      if (redis === undefined || !connection.isReady()) return metrics.dropped("away");
      if (messages >= MAX_MESSAGES || bytes >= MAX_BYTES) return metrics.dropped("full");
      const { length } = message;
      messages += 1;
      bytes += length;
      redis
        .publish(channel, typeof message === "string" || message instanceof Buffer ? message : Buffer.from(message))
        .then(
          () => {
            messages -= 1;
            bytes -= length;
          },
          () => {
            messages -= 1;
            bytes -= length;
            metrics.dropped("unconfirmed");
          },
        );
    },
    subscribers: async (channel) => {
      const redis = connection.current();
      if (redis === undefined) throw new Error("redis is away");
      const [, count] = await redis.pubsub("NUMSUB", channel);
      return Number(count);
    },
  };
};
