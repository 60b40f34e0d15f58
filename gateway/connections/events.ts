import { isOwnEvent, Refusal, refusalBody, type ErrorCode, type RefusalBody, type ReservedEvent } from "#crds";
import type { Log } from "#process";
import type { Socket } from "socket.io";
import { maySend } from "../auth/grants.ts";
import type { Ack, HandlerFailure, Take } from "../context.ts";
import type { Refusals } from "../refusals.ts";
import type { Answers } from "../reserved/reserved.ts";
import type { Route } from "../routing/routes.ts";
import type { Connection } from "./connection.ts";
import { spend } from "./rate.ts";

export interface EventOptions {
  take: Take;
  route: (event: string) => Route;
  /** Undefined: reserved events are the app's. */
  answers: Answers | undefined;
  refusals: Refusals;
  eventsPerSecond: number | undefined;
  /** Whether events that no pool takes go on to listeners of an app, instead of being refused. */
  passOn: boolean;
  clock: () => number;
  log: Log;
}

type Reply = (answer: unknown) => void;

/** What a client sent, taken apart: `emit(event, payload?, {id}?, ack?)`. */
interface Sent {
  event: unknown;
  args: unknown[];
  ack: Reply | undefined;
}

const takeApart = (packet: readonly unknown[]): Sent => {
  const last = packet.at(-1);
  const acked = packet.length > 1 && typeof last === "function";
  return { event: packet[0], args: packet.slice(1, acked ? -1 : undefined), ack: acked ? (last as Reply) : undefined };
};

/** The id that a client gave beside the payload. Throws a Refusal where there is anything else. */
const givenId = (args: readonly unknown[]): string | undefined => {
  if (args.length < 2) return undefined;
  const options = args[1];
  if (args.length > 2 || typeof options !== "object" || options === null || Array.isArray(options))
    throw new Refusal("invalid_payload", "an event has one payload and, beside it, {id}");
  const keys = Object.keys(options);
  if (keys.length === 0) return undefined;
  const id: unknown = Reflect.get(options, "id");
  if (keys.length > 1 || typeof id !== "string" || id.startsWith("$"))
    throw new Refusal("invalid_payload", "the second argument is {id}, a string that does not begin with $");
  return id;
};

/** Handles everything that a connection sends, in the order of its arrival. */
export const createEventHandler = ({
  take,
  route,
  answers,
  refusals,
  eventsPerSecond,
  passOn,
  clock,
  log,
}: EventOptions): ((connection: Connection, packet: readonly unknown[], next: () => void) => void) => {
  const answer = (connection: Connection, { event, ack }: Sent, body: Ack | HandlerFailure | RefusalBody): void => {
    if (!body.ok) {
      if (ack === undefined) connection.socket.emit("refused", { event, error: body.error });
    }
    ack?.(body);
  };
  const refuse = (connection: Connection, sent: Sent, code: ErrorCode, body = refusalBody(code)): void => {
    refusals.count(code, sent.ack === undefined ? "event" : "ack");
    answer(connection, sent, body);
  };
  const refuseWith = (connection: Connection, sent: Sent, error: unknown): void => {
    if (error instanceof Refusal) return refuse(connection, sent, error.code, error.body());
    log.error({ err: error }, "an event could not be handled");
    refuse(connection, sent, "internal");
  };

  const withinRate = (connection: Connection, sent: Sent): boolean => {
    if (eventsPerSecond === undefined) return true;
    const spent = spend(connection.bucket, eventsPerSecond, clock());
    if (spent === "taken") return true;
    if (spent !== "cut") refuse(connection, sent, "rate_limited");
    if (spent === "flood") {
      refusals.count("rate_limited", "close");
      connection.socket.conn.close(true);
    }
    return false;
  };

  const reserved = async (connection: Connection, sent: Sent, name: ReservedEvent, all: Answers): Promise<void> => {
    connection.owed += 1;
    try {
      if (sent.args.length > 1) throw new Refusal("invalid_payload", "one object is expected");
      const body = await all[name](connection, sent.args[0]);
      sent.ack?.({ ok: true, ...body });
    } catch (error) {
      refuseWith(connection, sent, error);
    } finally {
      connection.owed -= 1;
    }
  };

  const submit = (connection: Connection, sent: Sent, event: string): void => {
    const { user, grants } = connection.identity;
    if (!maySend(grants, event)) return refuse(connection, sent, "forbidden");
    const id = givenId(sent.args);
    connection.owed += 1;
    const submission = {
      event,
      payload: sent.args[0],
      user,
      ...(id !== undefined && { id }),
      ...(sent.ack !== undefined && { socket: connection.socket.id }),
    };
    take(submission, (outcome) => {
      connection.owed -= 1;
      if (outcome instanceof Refusal) return refuse(connection, sent, outcome.code, outcome.body());
      if (!outcome.ok) refusals.count("handler", sent.ack === undefined ? "event" : "ack");
      answer(connection, sent, outcome);
    });
  };

  const isReserved = (event: string, all: Answers): event is ReservedEvent => Object.hasOwn(all, event);

  return (connection, packet, next) => {
    const sent = takeApart(packet);
    const { event } = sent;
    try {
      if (!withinRate(connection, sent)) return;
      if (typeof event === "string") {
        if (answers !== undefined && isReserved(event, answers)) return void reserved(connection, sent, event, answers);
        const own = isOwnEvent(event);
        if (own && !passOn) return refuse(connection, sent, "reserved_event");
        const { pool, copies } = route(event);
        if (!own && (pool !== undefined || copies.length > 0)) return submit(connection, sent, event);
      }
      if (passOn) next();
      else refuse(connection, sent, "unknown_event");
    } catch (error) {
      refuseWith(connection, sent, error);
    }
  };
};

/** Hands all that `socket` sends to `handle`, before any listener of an app. */
export const listenTo = (socket: Socket, handle: (packet: readonly unknown[], next: () => void) => void): void => {
  socket.use((packet, next) => handle(packet, next));
};
