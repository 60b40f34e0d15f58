import type { ScaleRules } from "../topology/model.ts";
import { figure } from "./figure.ts";
import type { Fleet, GatewayLoad, Need } from "./model.ts";

/** An event loop that is later makes clients wait; one that is less late has air. */
const LATE_MS = 100;
const CALM_MS = 50;
/** How long it must be so. */
const PATIENCE_MS = 15_000;
/** New gateways have their share of clients by then. */
const SETTLE_MS = 60_000;
const LIFT_SHARE = 0.25;

export interface GatewayNeedInput {
  rules: ScaleRules;
  load: GatewayLoad;
  fleet: Fleet;
  held: number;
  /** Since when the event loops have been late. */
  lateSince: number | undefined;
  /** When that last added gateways. */
  liftedAt: number | undefined;
  now: number;
}

/** Since when event loops are late, given since when they were. */
export const lateSince = (before: number | undefined, lagMs: number | undefined, now: number): number | undefined => {
  if (lagMs === undefined || lagMs < CALM_MS) return undefined;
  return before ?? (lagMs >= LATE_MS ? now : undefined);
};

const byLag = ({ load: { lagMs = 0 }, fleet, held, lateSince, liftedAt, now }: GatewayNeedInput): Need | undefined => {
  if (lateSince === undefined || now - lateSince < PATIENCE_MS) return undefined;
  const isSettled = lagMs >= LATE_MS && fleet.ready >= held && now - (liftedAt ?? -Infinity) >= SETTLE_MS;
  return {
    need: held + (isSettled ? Math.max(1, Math.floor(held * LIFT_SHARE)) : 0),
    reason: "Lag",
    detail: `event loops are ${figure(lagMs)} ms late, limit ${LATE_MS} ms`,
  };
};

/** How many gateways the clients need; one that drains is none of them. Event loops that stay late on most of them ask for more. */
export const gatewayNeed = (input: GatewayNeedInput): Need => {
  const {
    rules,
    load: { connections, draining },
  } = input;
  const detail = `connections ${figure(connections)}, target ${figure(rules.target)}`;
  const clients: Need = {
    need: Math.ceil(connections / rules.target) + draining,
    reason: "Connections",
    detail: draining === 0 ? detail : `${detail}; ${draining} drain`,
  };
  const late = byLag(input);
  return late !== undefined && late.need > clients.need ? late : clients;
};
