import { z } from "zod";

/**
 * Every refusal there is. `level` says how a client meets it: `event` in the ack (or as the event `refused`),
 * `connect` as CONNECT_ERROR with `data.code`, `close` as a closed connection. `passing` ones may succeed later unchanged.
 * `status` is what the HTTP API answers.
 */
export const ERRORS = {
  unauthorized: {
    level: "connect",
    passing: false,
    status: 401,
    message: "The token is missing, malformed or not signed by a key that is trusted here",
  },
  token_expired: {
    level: "connect",
    passing: false,
    status: 401,
    message: "The token has expired: get a new one and connect again, or send it with auth:refresh",
  },
  token_revoked: { level: "connect", passing: false, status: 401, message: "The token was revoked" },
  too_many_connections: {
    level: "connect",
    passing: false,
    status: 429,
    message: "The user holds as many connections as gateway.limits.connectionsPerUser allows",
  },
  places_unsettled: {
    level: "connect",
    passing: true,
    status: 503,
    message: "The user's connections are counted on a gateway that does not answer: they are free again soon",
  },
  workers_full: {
    level: "connect",
    passing: true,
    status: 503,
    message: "This gateway has as many workers that are socket.io clients as it can serve: connect again",
  },
  origin_not_allowed: {
    level: "connect",
    passing: false,
    status: 403,
    message: "The page's origin is not in gateway.origins",
  },
  forbidden: { level: "event", passing: false, status: 403, message: "The token grants no right to this" },
  unknown_event: {
    level: "event",
    passing: false,
    status: 404,
    message: "No pool takes this event and it is not a reserved one",
  },
  invalid_payload: {
    level: "event",
    passing: false,
    status: 400,
    message: "The event's arguments do not have the shape that the reference gives",
  },
  payload_too_large: {
    level: "event",
    passing: false,
    status: 413,
    message: "The payload is larger than gateway.limits.payloadBytes",
  },
  rate_limited: {
    level: "event",
    passing: true,
    status: 429,
    message: "The connection sends more than gateway.limits.eventsPerSecond",
  },
  too_many_rooms: {
    level: "event",
    passing: false,
    status: 429,
    message: "The connection is in as many channels as gateway.limits.roomsPerConnection allows",
  },
  reserved_event: {
    level: "event",
    passing: false,
    status: 400,
    message: "This event's name is the gateway's or a pool's own and cannot be published",
  },
  id_conflict: {
    level: "event",
    passing: false,
    status: 409,
    message: "This id was used by the same user for another event",
  },
  not_found: { level: "event", passing: false, status: 404, message: "There is nothing by this name" },
  broker_unavailable: {
    level: "event",
    passing: true,
    status: 503,
    message: "The broker did not confirm the job: it was not taken, send it again with the same id",
  },
  queue_full: {
    level: "event",
    passing: true,
    status: 503,
    message: "The pool's queue is full: the job was not taken",
  },
  store_unavailable: { level: "event", passing: true, status: 503, message: "The store does not answer" },
  delivery_unavailable: {
    level: "event",
    passing: true,
    status: 503,
    message: "The adapter's server does not answer: nothing was sent",
  },
  request_timeout: {
    level: "event",
    passing: true,
    status: 504,
    message: "No worker answered within the pool's timeoutSeconds; it may still have run",
  },
  handler_failed: { level: "event", passing: false, status: 502, message: "The handler threw" },
  rejected: { level: "event", passing: false, status: 422, message: "The handler rejected the payload for good" },
  cancelled: { level: "event", passing: false, status: 409, message: "The job was cancelled" },
  draining: { level: "connect", passing: true, status: 503, message: "This gateway is going away: connect again" },
  internal: {
    level: "event",
    passing: true,
    status: 500,
    message: "The gateway failed to handle this; its log says why",
  },
} as const satisfies Record<string, ErrorKind>;

interface ErrorKind {
  level: "event" | "connect" | "close";
  passing: boolean;
  status: number;
  message: string;
}
export type ErrorCode = keyof typeof ERRORS;

/** What a client or an HTTP caller gets: `{ok: false, error: {code, message}}`. */
export interface RefusalBody {
  ok: false;
  error: { code: ErrorCode; message: string };
}

export const refusalBody = (code: ErrorCode, detail?: string): RefusalBody => ({
  ok: false,
  error: { code, message: detail === undefined ? ERRORS[code].message : `${ERRORS[code].message}: ${detail}` },
});

/** Thrown where a request is refused; the door turns it into the answer of its level. */
export class Refusal extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  constructor(code: ErrorCode, detail?: string, options?: ErrorOptions) {
    super(refusalBody(code, detail).error.message, options);
    this.name = "Refusal";
    this.code = code;
    this.detail = detail;
  }
  body(): RefusalBody {
    return refusalBody(this.code, this.detail);
  }
}

/** A failure that travels in an envelope. */
export const failure = z.object({ code: z.string(), message: z.string() });
export type Failure = z.infer<typeof failure>;
