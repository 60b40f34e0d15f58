import { logMetrics } from "../log/metrics.ts";
import type { LogOptions } from "../log/open.ts";
import type { OpenLog } from "../log/port.ts";
import { connect } from "./connection.ts";
import { redisLog } from "./log.ts";

/** The Log in Redis: a connection to append, and one for each follower. Rejects where it cannot connect within 10 s. */
export const openRedisLog = async ({
  cluster,
  node,
  settings,
  log,
  registry,
  limits,
}: LogOptions): Promise<OpenLog> => {
  const say = await connect(settings, { name: `${node}-log`, log });
  const hear = () => connect(settings, { name: `${node}-tail`, log });
  const opened = redisLog({ cluster, limits, metrics: logMetrics(registry), log, say, hear });
  return {
    ...opened,
    [Symbol.asyncDispose]: async () => {
      await opened[Symbol.asyncDispose]();
      await say[Symbol.asyncDispose]();
    },
  };
};
