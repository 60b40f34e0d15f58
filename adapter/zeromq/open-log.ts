import { setTimeout as sleep } from "node:timers/promises";
import { openLink } from "#link";
import { logMetrics } from "../log/metrics.ts";
import type { LogOptions } from "../log/open.ts";
import type { OpenLog } from "../log/port.ts";
import { linkLog } from "./link-log.ts";

const OPEN_MS = 20_000;

/**
 * The Log in the hub's memory, over a line of its own. Rejects where the hub does not answer within 10 s, or does not open it within 20 s more.
 * A hub that is back goes on with the epoch where its lines can prove that nothing of it is lost, and else has another one.
 */
export const openHubLog = async ({ cluster, node, settings, log, registry, limits }: LogOptions): Promise<OpenLog> => {
  const link = await openLink({ service: "log", node, settings, log });
  const opened = linkLog(link, { cluster, limits, metrics: logMetrics(registry), log });
  const end = async () => {
    await link[Symbol.asyncDispose]();
    await opened[Symbol.asyncDispose]();
  };
  const late = sleep(OPEN_MS, true, { ref: false });
  if (await Promise.race([opened.opened, late])) {
    await end();
    throw new Error(`the hub did not open its log within ${OPEN_MS} ms`);
  }
  return { ...opened, [Symbol.asyncDispose]: end };
};
