import type { RedisConnection } from "#redis";
import type { BusMetrics } from "../metrics.ts";

const MAX_MESSAGES = 100_000;
const MAX_BYTES = 64 << 20;

/** The one way out to Redis of this process, so that everything published keeps its order. */
export interface Publisher {
  /** Never throws, never waits, never queues without bound: what cannot be sent is dropped and counted. */
  publish(channel: string, message: Uint8Array | string): void;
  /**
   * How many connections are subscribed to each channel, not counting patterns; undefined where no server knows that, as in a Redis Cluster.
   * Rejects where Redis is away.
   */
  subscribers(channels: readonly string[]): Promise<number[] | undefined>;
}

export const createPublisher = (
  connection: RedisConnection,
  { metrics, isCluster }: { metrics: BusMetrics; isCluster: boolean },
): Publisher => {
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
    subscribers: async (channels) => {
      const redis = connection.current();
      if (redis === undefined) throw new Error("redis is away");
      if (isCluster) return undefined;
      const counts = await redis.pubsub("NUMSUB", ...channels);
      return counts.filter((_, index) => index % 2 === 1).map(Number);
    },
  };
};
