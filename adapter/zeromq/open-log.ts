import { openLink } from "#link";
import { logMetrics } from "../log/metrics.ts";
import type { LogOptions } from "../log/open.ts";
import type { OpenLog } from "../log/port.ts";
import { linkLog } from "./link-log.ts";

/**
 * The Log in the hub's memory, over a line of its own. Rejects where the hub does not answer within 10 s. A hub that is back goes on with
 * the epoch where its lines can prove that nothing of it is lost, and else has another one.
 */
export const openHubLog = async ({ cluster, node, settings, log, registry, limits }: LogOptions): Promise<OpenLog> => {
  const link = await openLink({ service: "log", node, settings, log });
  const opened = linkLog(link, { cluster, limits, metrics: logMetrics(registry), log });
  await opened.opened;
  return {
    ...opened,
    [Symbol.asyncDispose]: async () => {
      await link[Symbol.asyncDispose]();
      await opened[Symbol.asyncDispose]();
    },
  };
};
