import type { Bus, Delivery, Membership } from "#adapter";
import type { Broker } from "#broker";
import type { Gateway, LiveConfig, Refusal, Revocation, ShedOrder } from "#crds";
import type { Log, Watched } from "#process";
import type { Store } from "#store";
import type { Registry } from "prom-client";
import type { Server } from "socket.io";
import type { SharedBudget } from "./drain/index.ts";
import type { Refusals } from "./refusals.ts";
import type { Intake } from "./signals/index.ts";

/** `spec.gateway` with its defaults, as the environment brings it. */
export type GatewaySettings = Gateway & { reservedEvents: boolean };

/** An event on its way to the pools that take it. */
export interface Submission {
  event: string;
  payload: unknown;
  /** On whose behalf; absent: a server. */
  user?: string | undefined;
  /** The caller's own id, 1 to 128 characters; absent: one is made. */
  id?: string | undefined;
  /** The local socket that sent it: nothing about the job reaches it before its ack. */
  socket?: string | undefined;
}

/** What the sender of an event is told: taken by the broker, answered by a handler, or copied. */
export type Ack =
  | { ok: true; id: string; durable: boolean; deduplicated?: false }
  | { ok: true; result: unknown }
  | { ok: true; copies: number };

/** An answer that a handler gave by failing; codes are the handler's own too. */
export interface HandlerFailure {
  ok: false;
  error: { code: string; message: string };
}

/**
 * Gives an event to the pool that takes it and to all that copy it. Checks shape, size and ids, never grants.
 * Resolves once the broker has confirmed (mode job), the handler answered (request), or the copies were confirmed;
 * a `HandlerFailure` where a handler failed. Rejects with a Refusal where nothing was taken.
 */
export type Submit = (submission: Submission) => Promise<Ack | HandlerFailure>;

/** How an event ended for its sender: taken or answered, failed in a handler, or refused. */
export type Outcome = Ack | HandlerFailure | Refusal;

/** The same for the hot path: `settle` is called once, in the tick in which the outcome is known. Never throws. */
export type Take = (submission: Submission, settle: (outcome: Outcome) => void) => void;

/** What the parts of a gateway share. */
export interface GatewayContext {
  cluster: string;
  /** Unique per start of a process. */
  node: string;
  instance: string;
  settings: GatewaySettings;
  io: Server;
  delivery: Delivery;
  bus: Bus;
  /** Undefined while there is no pool, or none could be reached yet. */
  broker: () => Broker | undefined;
  store: Store;
  membership: Membership;
  config: Watched<LiveConfig>;
  log: Log;
  registry: Registry;
  refusals: Refusals;
  /** ms since the epoch. */
  clock: () => number;
  submit: Submit;
  /** Revokes in the store, then on all gateways' live connections. Rejects with `store_unavailable`. */
  revoke: (what: Revocation, ttlSeconds: number) => Promise<void>;
  /** Told when a channel gets its first local subscriber and loses its last. */
  onLocalChannel: (listener: (channel: string, occupied: boolean) => void) => Disposable;
  /** Whether a channel has a local subscriber. */
  hasLocalChannel: (channel: string) => boolean;
  /** Jobs that this gateway takes. */
  intake: Intake;
  /** Clients connected to this gateway. */
  connections: () => number;
  /** WebSockets of other gateways' sessions that this one carries. */
  carried: () => number;
  /** Of both, those whose clients would recover what they miss on their way to another gateway. */
  recoverable: () => number;
  /** How many of them it has sent away so far. */
  shedTotal: () => number;
  /** Begins to send that many of those away; false where it does already, or drains. */
  shed: (order: Pick<ShedOrder, "sessions" | "perSecond">) => boolean;
  /** Asked to go. */
  draining: () => boolean;
  /** Of the connections that are closed for others' sake. */
  budget: SharedBudget;
  /** Appends to the history of a channel where `settings.history` asks for it; resolves at once where it does not. */
  remember: (channel: string, entry: { id: string; event: string; args: unknown[]; at: number }) => Promise<void>;
}
