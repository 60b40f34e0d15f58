import { gatewayEnvironment, withGatewayDefaults, type Pool } from "#crds";
import type { GatewaySettings } from "../context.ts";

/** `spec.gateway` as a gateway reads it, from what a user writes. */
export const settingsOf = (written: Record<string, unknown> = {}): GatewaySettings =>
  withGatewayDefaults(
    gatewayEnvironment.shape.GATEWAY.parse(
      JSON.stringify({
        reservedEvents: written["app"] === undefined,
        drain: { graceSeconds: 5, reconnectsPerSecond: 2000 },
        ...written,
      }),
    ),
  );

/** A pool with its defaults. */
export const poolOf = (name: string, events: string[], more: Partial<Pool> = {}): Pool => ({
  name,
  events,
  mode: "job",
  orderBy: "none",
  concurrency: 20,
  timeoutSeconds: 30,
  retry: { attempts: 3, backoffSeconds: 0.1, maxBackoffSeconds: 1 },
  ...more,
});
