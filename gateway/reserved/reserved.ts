import type { Bus } from "#adapter";
import type { ErrorCode, ReservedEvent } from "#crds";
import { Refusal } from "#crds";
import type { Store } from "#store";
import type { Server } from "socket.io";
import { z } from "zod";
import type { Sweep } from "../auth/sweep.ts";
import type { Identity } from "../auth/tokens.ts";
import type { Connection } from "../connections/connection.ts";
import type { GatewayContext } from "../context.ts";
import type { Route } from "../routing/routes.ts";

/** What the reserved events work with. */
export interface ReservedContext {
  io: Server;
  bus: Bus;
  store: Store;
  route: (event: string) => Route;
  remember: GatewayContext["remember"];
  /** Rejects with the Refusal `delivery_unavailable` where what was emitted may not be on its way. */
  confirmed: () => Promise<void>;
  /** Who shows this token now: verified and not revoked. */
  authenticate: (token: string) => Promise<Identity>;
  sweep: Pick<Sweep, "check">;
  roomsPerConnection: number | undefined;
  payloadBytes: number | undefined;
  clock: () => number;
  newId: (now: number) => string;
}

/** Answers one reserved event: what the ack says beside `ok: true`. Throws a Refusal. */
export type Answer = (connection: Connection, args: unknown) => Promise<Record<string, unknown>>;
export type Answers = Record<ReservedEvent, Answer>;

/** A channel as clients name it. */
export const channelName = z.string().min(1).max(200);

/** The arguments by `schema`; a Refusal that names what is wrong where they are not. */
export const parseArgs = <T extends z.ZodType>(schema: T, args: unknown): z.infer<T> => {
  const result = schema.safeParse(args);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Refusal("invalid_payload", issue && [issue.path.join("."), issue.message].filter(Boolean).join(": "));
};

/** Refuses with `code` unless `allowed`. */
export const demand = (allowed: boolean, code: ErrorCode = "forbidden"): void => {
  if (!allowed) throw new Refusal(code);
};
