import type { ErrorCode } from "#crds";
import { counter } from "#process";
import type { Registry } from "prom-client";

/** Where a refusal is met: in an ack, as the event `refused`, at connect, at the transport, over HTTP. */
export type RefusalLevel = "ack" | "event" | "connect" | "close" | "http";

/** Counts what is refused, and connections that are closed for a reason. */
export interface Refusals {
  count(code: ErrorCode | "handler", level: RefusalLevel): void;
  closed(reason: string): void;
}

/** Refusals as `realtime_refusals_total{code, level}`, ended connections as `realtime_disconnects_total{reason}`. */
export const createRefusals = (registry: Registry): Refusals => {
  const refused = counter(registry, {
    name: "realtime_refusals_total",
    help: "What was refused, by code and by how the client was told",
    labelNames: ["code", "level"] as const,
  });
  const ended = counter(registry, {
    name: "realtime_disconnects_total",
    help: "Connections that ended, by reason",
    labelNames: ["reason"] as const,
  });
  return {
    count: (code, level) => refused.inc({ code, level }),
    closed: (reason) => ended.inc({ reason }),
  };
};

/** Why a connection ended, as it is counted: socket.io's reason, or that a message was larger than `maxHttpBufferSize`. */
export const endOf = (reason: string, description: unknown): string => {
  const what: unknown =
    typeof description === "object" && description !== null ? Reflect.get(description, "message") : undefined;
  return typeof what === "string" && what.includes("Max payload size exceeded") ? "payload too large" : reason;
};

/** Counts requests that engine.io itself refuses as `realtime_handshakes_refused_total{message}`. */
export const countHandshakes = (
  engine: { on(event: "connection_error", listener: (error: { message: string }) => void): unknown },
  registry: Registry,
): void => {
  const refused = counter(registry, {
    name: "realtime_handshakes_refused_total",
    help: "HTTP requests that did not become or find a session, by what was wrong",
    labelNames: ["message"] as const,
  });
  engine.on("connection_error", ({ message }) => refused.inc({ message }));
};
