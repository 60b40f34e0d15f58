import { gatewayEnvironment } from "#crds";
import type { GatewaySettings } from "./context.ts";

/** The limits that hold; undefined: none. */
export type Limits = { [K in keyof GatewaySettings["limits"]]: number | undefined };

const DEFAULTS = gatewayEnvironment.shape.GATEWAY.parse('{"reservedEvents":true}').limits;

/** With an app of one's own only what was written holds: what the defaults do not say already. */
export const limitsOf = ({ limits, app }: Pick<GatewaySettings, "limits" | "app">): Limits => {
  const written = (name: keyof Limits) =>
    app === undefined || limits[name] !== DEFAULTS[name] ? limits[name] : undefined;
  return {
    payloadBytes: written("payloadBytes"),
    eventsPerSecond: written("eventsPerSecond"),
    connectionsPerUser: written("connectionsPerUser"),
    roomsPerConnection: written("roomsPerConnection"),
  };
};
