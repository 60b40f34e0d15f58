import type { Emitter } from "#adapter";
import type { DeadLetter, Pool } from "#crds";
import { silentLog } from "#process";
import { Registry } from "prom-client";
import type { ApiContext } from "../api/index.ts";
import { createRefusals } from "../refusals.ts";

export const examplePool = (name: string): Pool => ({
  name,
  events: [`${name}:*`],
  mode: "job",
  orderBy: "none",
  concurrency: 1,
  timeoutSeconds: 30,
  retry: { attempts: 5, backoffSeconds: 1, maxBackoffSeconds: 60 },
});

/** A dead letter of pool chat. */
export const exampleLetter = (id: string): DeadLetter => ({
  job: { v: 1, id, event: "chat:message", payload: 1, mode: "job", at: 1 },
  pool: "chat",
  reason: "failed",
  error: "it broke",
  attempts: 5,
  at: 2,
});

/** An emitter that only writes down what it is told. */
export const recordingEmitter = (said: unknown[]): Emitter => {
  const target = (to: string) => ({
    emit: (event: string, ...args: unknown[]) => void said.push([to, event, ...args]),
  });
  return {
    to: (channel) => target(`channel ${channel}`),
    toUser: (user) => target(`user ${user}`),
    broadcast: () => target("everyone"),
    join: (user, channel) => void said.push(["join", user, channel]),
    leave: (user, channel) => void said.push(["leave", user, channel]),
    disconnect: (user) => void said.push(["disconnect", user]),
  };
};

/** A gateway's edge with everything at hand and nothing in it; `said` is what it sent, `over` what is other than that. */
export const apiContext = (said: unknown[] = [], over: Partial<ApiContext> = {}): ApiContext => {
  const registry = new Registry();
  const taken = new Map<string, { event: string; ack?: unknown }>();
  return {
    node: "g1",
    settings: { limits: { payloadBytes: 1000 } },
    delivery: { bus: { connected: () => true }, emitter: () => recordingEmitter(said), confirmed: async () => {} },
    broker: () => ({
      depth: async () => ({ ready: 3, unacked: 2, dead: 1 }),
      deadLetters: async (_pool, limit) => [exampleLetter("1"), exampleLetter("2")].slice(0, limit),
      redrive: async (_pool, ids) => ids?.length ?? 2,
    }),
    store: {
      ledger: { get: async () => undefined },
      presence: { channels: async () => [], users: async () => [], connections: async () => [] },
      ids: {
        begin: async (key, { event }) => {
          const mark = taken.get(key);
          if (mark === undefined) taken.set(key, { event });
          if (mark === undefined) return { state: "new" };
          return "ack" in mark
            ? { state: "taken", event: mark.event, ack: mark.ack }
            : { state: "pending", event: mark.event };
        },
        take: async (key, ack) => void taken.set(key, { event: taken.get(key)?.event ?? "", ack }),
        drop: async (key) => void taken.delete(key),
      },
    },
    config: { current: () => ({ pools: [examplePool("chat"), examplePool("mail")] }) },
    log: silentLog(),
    registry,
    refusals: createRefusals(registry),
    clock: () => 1000,
    submit: async ({ id }) => ({ ok: true, id: id ?? "made", durable: true }),
    revoke: async (what, ttlSeconds) => void said.push(["revoke", what, ttlSeconds]),
    remember: async (channel, entry) => void said.push(["remember", channel, entry]),
    ...over,
  };
};
