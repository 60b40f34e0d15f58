import type { DrainPlan } from "#crds";
import { counter, type Log } from "#process";
import type { Registry } from "prom-client";
import { drain, type DrainParts } from "./drain.ts";

/** Whether and how far a gateway is on its way out. */
export interface Leaving {
  /** It was asked to go. */
  asked(): boolean;
  /** It takes no new sessions any more. */
  refusing(): boolean;
  /** A new session is asked for. */
  arrived(): void;
  /** Sends all clients away, see `drain`. Safe to repeat: the first call counts. */
  go(parts: Pick<DrainParts, "budget" | "open" | "underway">, hurry?: AbortSignal): Promise<void>;
}

export const createLeaving = ({ plan, log, registry }: { plan: DrainPlan; log: Log; registry: Registry }): Leaving => {
  const closes = counter(registry, {
    name: "realtime_gateway_drained_total",
    help: "Connections that were closed to drain: at the cluster's pace (budget), or faster since the grace would not have held (grace)",
    labelNames: ["pace"] as const,
  });
  let going: Promise<void> | undefined;
  let isRefusing = false;
  let lastArrival = Number.NEGATIVE_INFINITY;

  const start: Leaving["go"] = async (parts, hurry = new AbortController().signal) => {
    const refuse = () => void (isRefusing = true);
    const closed: DrainParts["closed"] = (pace) => closes.inc({ pace });
    const how = await drain({ ...parts, plan, lastArrival: () => lastArrival, refuse, closed }, hurry);
    log.info(how, "the clients have been sent away");
  };
  return {
    asked: () => going !== undefined,
    refusing: () => isRefusing,
    arrived: () => void (lastArrival = performance.now()),
    go: (parts, hurry) => (going ??= start(parts, hurry)),
  };
};
