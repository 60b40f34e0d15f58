import { logMetrics } from "../log/metrics.ts";
import type { LogOptions } from "../log/open.ts";
import type { OpenLog } from "../log/port.ts";
import { connectRedis } from "#redis";
import { LOG_SCRIPTS, logKeys, redisLog } from "./log.ts";

/** The Log in Redis: a connection to append, and one for each follower; of a Cluster to the node that holds the stream. Rejects where it cannot connect within 10 s. */
export const openRedisLog = async ({
  cluster,
  node,
  settings,
  log,
  registry,
  limits,
}: LogOptions): Promise<OpenLog> => {
  const [key] = logKeys(cluster);
  const connect = (what: string) => connectRedis({ settings, log, name: `${node}-${what}`, key, scripts: LOG_SCRIPTS });
  const say = await connect("log");
  const hear = () => connect("tail");
  const opened = redisLog({ cluster, limits, metrics: logMetrics(registry), log, say, hear });
  return {
    ...opened,
    [Symbol.asyncDispose]: async () => {
      await opened[Symbol.asyncDispose]();
      await say[Symbol.asyncDispose]();
    },
  };
};
