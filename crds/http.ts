import { z } from "zod";
import { jobView } from "./envelope/feeds.ts";
import { deadLetter } from "./envelope/job.ts";
import type { ErrorCode } from "./errors.ts";

const channel = z.string().min(1).max(200);
const user = z.string().min(1).max(256);
const event = z.string().min(1).max(200);
const id = z.string().min(1).max(128);
const ok = z.literal(true);
const done = z.object({ ok });

/** Refuses a body that does not name exactly one of `keys`, here and in the JSON Schema. */
export const exactlyOne = <T extends z.ZodObject>(schema: T, keys: readonly string[]) =>
  schema
    .refine((body: Record<string, unknown>) => keys.filter((key) => body[key] !== undefined).length === 1, {
      message: `exactly one of ${keys.join(", ")} is needed`,
    })
    .meta({ oneOf: keys.map((key) => ({ required: [key] })) });

export const publishRequest = exactlyOne(
  z.strictObject({
    channel: channel.optional().describe("To everyone subscribed to it."),
    user: user.optional().describe("To all connections of this user."),
    broadcast: z.literal(true).optional().describe("To everyone connected."),
    event,
    data: z.unknown().optional().describe("The event's argument; absent: the event has none."),
    id: id.optional().describe("The same id again is answered as the first time, and not published again."),
  }),
  ["channel", "user", "broadcast"],
);
export type PublishRequest = z.infer<typeof publishRequest>;

export const submitRequest = z.strictObject({
  event: event.describe("Goes to the pool whose pattern matches it best."),
  payload: z.unknown().optional(),
  user: user.optional().describe("On whose behalf: this user is told job:progress, job:done and job:failed."),
  id: id.optional().describe("The same id again is answered as the first time, and taken once."),
});

export const revocationRequest = exactlyOne(
  z
    .strictObject({
      jti: z.string().min(1).max(256).optional().describe("This one token."),
      user: user.optional().describe("All tokens of this user that were issued before `before`."),
      before: z.number().int().min(0).optional().describe("ms since the epoch, with `user`; absent: now."),
      ttlSeconds: z
        .number()
        .int()
        .min(1)
        .max(315_360_000)
        .default(31_536_000)
        .describe("How long it is kept: as long as such a token could still be valid."),
    })
    .refine((body) => body.before === undefined || body.user !== undefined, {
      message: "before goes with user",
      path: ["before"],
    }),
  ["jti", "user"],
);

export const redriveRequest = z.strictObject({
  ids: z.array(id).min(1).max(1000).optional().describe("Only those of these ids; absent: all."),
});

const jobParams = z.object({ id });
const userParams = z.object({ id: user });
const channelParams = z.object({ name: channel });
const membershipParams = z.object({ id: user, name: channel });
const poolParams = z.object({ name: z.string().min(1).max(20) });
const nothing = z.object({});

interface Operation {
  method: "get" | "post" | "put" | "delete";
  /** With express's `:name`. */
  path: string;
  summary: string;
  params: z.ZodObject;
  query: z.ZodObject;
  body: z.ZodType;
  status: 200 | 202;
  response: z.ZodType;
  /** Beyond those that every operation has. */
  refusals: readonly ErrorCode[];
}

/** Refusals of every operation: a key, a parameter or a query that is wrong, and our own failures. */
export const COMMON_REFUSALS = ["unauthorized", "invalid_payload", "internal"] as const satisfies ErrorCode[];

/** The HTTP API: what the gateway serves, checks requests by, and what the OpenAPI file is made of. */
export const OPERATIONS = {
  publish: {
    method: "post",
    path: "/api/publish",
    summary:
      "Emit an event to a channel, a user or everyone. It reaches who is connected now; where a channel keeps a history it is in it.",
    params: nothing,
    query: nothing,
    body: publishRequest,
    status: 200,
    response: z.object({
      ok,
      id,
      deduplicated: z.literal(false).optional().describe("The store did not answer: a repeat is published again."),
      remembered: z.literal(false).optional().describe("It was sent, and the channel's history could not take it."),
    }),
    refusals: ["payload_too_large", "reserved_event", "id_conflict", "delivery_unavailable"],
  },
  submitJob: {
    method: "post",
    path: "/api/jobs",
    summary: "Hand in a job. The answer comes once the broker has confirmed it.",
    params: nothing,
    query: nothing,
    body: submitRequest,
    status: 202,
    response: z.object({
      ok,
      id: id.optional().describe("The job's id; absent where only `copy` pools take the event."),
      durable: z.boolean().optional(),
      deduplicated: z.boolean().optional().describe("false: the store did not answer, a repeat may run again."),
      copies: z.number().int().optional().describe("How many `copy` pools took it, where no other pool does."),
      result: z.unknown().optional().describe("The handler's answer, where the pool's mode is `request`."),
    }),
    refusals: [
      "payload_too_large",
      "unknown_event",
      "reserved_event",
      "id_conflict",
      "broker_unavailable",
      "queue_full",
      "request_timeout",
      "handler_failed",
      "rejected",
    ],
  },
  getJob: {
    method: "get",
    path: "/api/jobs/:id",
    summary:
      "What is known of a job. Ids are the user's own: a job that was handed in for a user is found with `user`.",
    params: jobParams,
    query: z.object({ user: user.optional() }),
    body: nothing,
    status: 200,
    response: z.object({ ok, job: jobView.extend({ result: z.unknown().optional() }) }),
    refusals: ["not_found", "store_unavailable"],
  },
  listChannels: {
    method: "get",
    path: "/api/channels",
    summary: "Channels with someone in them.",
    params: nothing,
    query: nothing,
    body: nothing,
    status: 200,
    response: z.object({ ok, channels: z.array(z.object({ channel, connections: z.number().int() })) }),
    refusals: ["store_unavailable"],
  },
  getChannel: {
    method: "get",
    path: "/api/channels/:name",
    summary: "Who is in a channel. A channel that nobody is in has no users.",
    params: channelParams,
    query: nothing,
    body: nothing,
    status: 200,
    response: z.object({ ok, channel, users: z.array(z.string()) }),
    refusals: ["store_unavailable"],
  },
  getUser: {
    method: "get",
    path: "/api/users/:id",
    summary: "Is he here?",
    params: userParams,
    query: nothing,
    body: nothing,
    status: 200,
    response: z.object({ ok, user, online: z.boolean(), connections: z.number().int() }),
    refusals: ["store_unavailable"],
  },
  joinChannel: {
    method: "put",
    path: "/api/users/:id/channels/:name",
    summary: "The connections that a user has now join a channel, on whichever gateways they are.",
    params: membershipParams,
    query: nothing,
    body: nothing,
    status: 202,
    response: done,
    refusals: ["delivery_unavailable"],
  },
  leaveChannel: {
    method: "delete",
    path: "/api/users/:id/channels/:name",
    summary: "The connections that a user has now leave a channel.",
    params: membershipParams,
    query: nothing,
    body: nothing,
    status: 202,
    response: done,
    refusals: ["delivery_unavailable"],
  },
  disconnectUser: {
    method: "delete",
    path: "/api/users/:id/connections",
    summary: "Close all connections of a user. He may connect again: revoke his tokens to prevent that.",
    params: userParams,
    query: nothing,
    body: nothing,
    status: 202,
    response: done,
    refusals: ["delivery_unavailable"],
  },
  revoke: {
    method: "post",
    path: "/api/revocations",
    summary: "Revoke a token, or all that a user was given before a moment. Holds for live connections too.",
    params: nothing,
    query: nothing,
    body: revocationRequest,
    status: 200,
    response: done,
    refusals: ["store_unavailable"],
  },
  listPools: {
    method: "get",
    path: "/api/pools",
    summary: "The worker pools and their queues.",
    params: nothing,
    query: nothing,
    body: nothing,
    status: 200,
    response: z.object({
      ok,
      pools: z.array(
        z.object({
          pool: z.string(),
          mode: z.enum(["job", "request", "copy"]),
          ready: z.number().int().describe("Waiting, also for a retry."),
          blocked: z
            .number()
            .int()
            .optional()
            .describe("Of those, for a retry or behind one of their key, as far as the broker tells; absent: none."),
          unacked: z.number().int().optional().describe("In workers' hands; absent where the broker cannot tell."),
          dead: z.number().int(),
        }),
      ),
    }),
    refusals: ["broker_unavailable"],
  },
  listDead: {
    method: "get",
    path: "/api/pools/:name/dead",
    summary: "The oldest dead letters of a pool.",
    params: poolParams,
    query: z.object({ limit: z.coerce.number().int().min(1).max(1000).default(50) }),
    body: nothing,
    status: 200,
    response: z.object({ ok, letters: z.array(deadLetter) }),
    refusals: ["not_found", "broker_unavailable"],
  },
  redriveDead: {
    method: "post",
    path: "/api/pools/:name/dead/redrive",
    summary: "Put dead letters back into the queue, as first attempts.",
    params: poolParams,
    query: nothing,
    body: redriveRequest,
    status: 200,
    response: z.object({ ok, count: z.number().int().describe("How many were put back.") }),
    refusals: ["not_found", "payload_too_large", "broker_unavailable"],
  },
} as const satisfies Record<string, Operation>;

export type OperationId = keyof typeof OPERATIONS;

/** What a handler of an operation is given, parsed. */
export interface OperationInput<K extends OperationId> {
  params: z.infer<(typeof OPERATIONS)[K]["params"]>;
  query: z.infer<(typeof OPERATIONS)[K]["query"]>;
  body: z.infer<(typeof OPERATIONS)[K]["body"]>;
}

/** What it answers. */
export type OperationOutput<K extends OperationId> = z.input<(typeof OPERATIONS)[K]["response"]>;

/** Where the document itself is served, without a key. */
export const OPENAPI_PATH = "/api/openapi.json";
