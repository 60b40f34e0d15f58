import { z } from "zod";
import { LEDGER_LIMITS, ledgerEntry } from "./ledger.ts";

const name = z.string();
const names = z.array(name);
const nothing = z.null();
const job = z.object({ user: name.optional(), id: name });
const connection = z.object({ node: name, socket: name });
const inChannel = z.object({ node: name, socket: name, user: name, channel: name });
const left = z.array(z.object({ channel: name, user: name, lastOfChannel: z.boolean() }));
const positive = z.number().positive();

/** A channel's event as it comes from another process. */
export const historyEntry = z.object({ id: z.string(), event: z.string(), args: z.array(z.unknown()), at: z.number() });
export type HistoryEntry = z.infer<typeof historyEntry>;

const session = z.object({
  pid: name,
  user: name,
  guest: z.boolean(),
  turn: z.number().int(),
  version: z.number().int(),
  body: z.instanceof(Uint8Array<ArrayBufferLike>),
});

/**
 * What the store's driver asks the hub's store, by name. A request is the header `{id, call, cluster}` with its argument as msgpack, the
 * answer `{id, ok: true}` with the result, or `{id, ok: false, message}`. `{lost: true}` tells a node that another has evicted it.
 */
export const STORE_CALLS = {
  record: { ask: z.array(ledgerEntry), answer: nothing },
  get: { ask: job, answer: ledgerEntry.nullable() },
  overview: {
    ask: z.object({ pool: name, limit: z.number().int().min(0).max(LEDGER_LIMITS.overview) }),
    answer: z.object({
      waiting: z.number(),
      queued: z.array(ledgerEntry),
      running: z.array(ledgerEntry),
      finished: z.array(ledgerEntry),
    }),
  },
  requestCancel: { ask: job, answer: nothing },
  cancelRequested: { ask: job, answer: z.boolean() },
  begin: {
    ask: z.object({ key: name, gateway: name, event: name }),
    answer: z.discriminatedUnion("state", [
      z.object({ state: z.literal("new") }),
      z.object({ state: z.literal("pending"), event: name }),
      z.object({ state: z.literal("taken"), event: name, ack: z.unknown() }),
    ]),
  },
  take: { ask: z.object({ key: name, ack: z.unknown(), event: name.optional() }), answer: nothing },
  drop: { ask: name, answer: nothing },
  connect: {
    ask: z.object({ node: name, socket: name, user: name, limit: z.number() }),
    answer: z.object({ admitted: z.boolean(), connections: z.number() }),
  },
  disconnect: { ask: connection, answer: z.object({ connections: z.number(), left }) },
  enter: { ask: inChannel, answer: z.object({ firstOfUser: z.boolean(), firstOfChannel: z.boolean() }) },
  leave: { ask: inChannel, answer: z.object({ lastOfUser: z.boolean(), lastOfChannel: z.boolean() }) },
  users: { ask: name, answer: names },
  channels: { ask: nothing, answer: z.array(z.object({ channel: name, connections: z.number() })) },
  connections: { ask: name, answer: z.array(connection) },
  held: { ask: name, answer: z.array(z.object({ socket: name, user: name, channels: names })) },
  evict: { ask: name, answer: z.object({ sockets: z.array(z.object({ socket: name, user: name })), left }) },
  nodes: { ask: nothing, answer: names },
  revokeToken: { ask: z.object({ jti: name, ttlSeconds: positive }), answer: nothing },
  revokeUser: { ask: z.object({ user: name, before: z.number(), ttlSeconds: positive }), answer: nothing },
  isRevoked: { ask: z.object({ jti: name.optional(), user: name, issuedAt: z.number() }), answer: z.boolean() },
  append: {
    ask: z.object({ channel: name, entry: historyEntry, maxMessages: z.number().int().min(1), ttlSeconds: positive }),
    answer: nothing,
  },
  last: { ask: z.object({ channel: name, limit: z.number().int().min(1) }), answer: z.array(historyEntry) },
  putSessions: { ask: z.object({ sessions: z.array(session), ttlSeconds: positive }), answer: nothing },
  keepSessions: { ask: z.object({ pids: names, ttlSeconds: positive }), answer: nothing },
  takeSession: {
    ask: z.object({ pid: name, user: name, guest: z.boolean() }),
    answer: z.union([session, z.literal("taken"), nothing]),
  },
  dropSession: { ask: z.object({ pid: name, turn: z.number().int() }), answer: nothing },
} as const satisfies Record<string, { ask: z.ZodType; answer: z.ZodType }>;
export type StoreCall = keyof typeof STORE_CALLS;
export type StoreAsk<C extends StoreCall> = z.infer<(typeof STORE_CALLS)[C]["ask"]>;
export type StoreAnswer<C extends StoreCall> = z.infer<(typeof STORE_CALLS)[C]["answer"]>;

/** What the driver says to the hub's store, and hears. */
export const storeRequest = z.object({ id: z.number().int(), call: name, cluster: name });
export const storeReply = z.union([
  z.object({ id: z.number().int(), ok: z.literal(true) }),
  z.object({ id: z.number().int(), ok: z.literal(false), message: z.string() }),
  z.object({ lost: z.literal(true) }),
]);
