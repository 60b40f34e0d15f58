import { measured } from "#process";
import type { Registry } from "prom-client";

/** Sizes of everything that is held per connection or per job, read when metrics are asked for: all 0 once the clients are gone. */
export const registerGauges = (
  registry: Registry,
  sizes: Record<
    | "connections"
    | "gateway_carried_connections"
    | "gateway_carried_requests"
    | "local_channels"
    | "acks_owed"
    | "queued_unrecorded"
    | "requests_waiting"
    | "presence_underway",
    () => number
  >,
): void => {
  const help: Record<keyof typeof sizes, string> = {
    connections: "Clients connected to this gateway",
    gateway_carried_connections: "WebSockets of other gateways' sessions that this one passes on",
    gateway_carried_requests: "HTTP requests of other gateways' sessions that are passed on now, long polls among them",
    local_channels: "Channels with a subscriber on this gateway",
    acks_owed: "Jobs whose sender waits for the ack",
    queued_unrecorded: "Jobs that the broker has taken and the ledger does not know yet",
    requests_waiting: "Requests that wait for a worker's answer",
    presence_underway: "Changes of presence that the store has not confirmed",
  };
  for (const name of Object.keys(help) as (keyof typeof sizes)[])
    measured(registry, `realtime_${name}`, help[name], sizes[name]);
};
