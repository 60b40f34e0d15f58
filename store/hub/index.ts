import { boundedEntry, LEDGER_LIMITS } from "#crds";
import { openLink } from "#link";
import type { StoreOptions } from "../index.ts";
import type { Store } from "../port.ts";
import { hubCalls } from "./calls.ts";

/** Entries per call, so that the hub is never held for long. */
const BATCH = 500;

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value) ?? "null");

/**
 * The store in the hub's memory. Rejects where the hub does not answer within 10 s; later it reconnects by itself. A hub that was
 * restarted is empty: `onLost` is called then, as after every reconnect.
 */
export const openHubStore = async ({ cluster, node, settings, log }: StoreOptions): Promise<Store> => {
  const link = await openLink({ service: "store", node, settings, log });
  const listeners = new Set<() => void>();
  let doubt = false;
  const lost = () => {
    doubt = false;
    for (const listener of listeners) listener();
  };
  const calls = hubCalls(link, { cluster, onLost: lost });
  const { call } = calls;
  link.onUp(lost);
  const write: typeof call = async (name, ask) => {
    try {
      const answer = await call(name, ask);
      if (doubt && link.connected()) queueMicrotask(lost);
      return answer;
    } catch (error) {
      doubt = true;
      throw error;
    }
  };
  return {
    ledger: {
      async record(entries) {
        for (let from = 0; from < entries.length; from += BATCH)
          await call("record", entries.slice(from, from + BATCH).map(boundedEntry));
      },
      get: async (user, id) => (await call("get", { user, id })) ?? undefined,
      overview: (pool, limit) => call("overview", { pool, limit: Math.min(limit, LEDGER_LIMITS.overview) }),
      requestCancel: async (user, id) => void (await call("requestCancel", { user, id })),
      cancelRequested: (user, id) => call("cancelRequested", { user, id }),
    },
    ids: {
      begin: (key, { gateway, event }) => call("begin", { key, gateway, event }),
      take: async (key, ack, event) => void (await call("take", { key, ack: plain(ack), event })),
      drop: async (key) => void (await call("drop", key)),
    },
    presence: {
      connect: (node, socket, user, limit) => write("connect", { node, socket, user, limit }),
      disconnect: (node, socket) => write("disconnect", { node, socket }),
      enter: (node, socket, user, channel) => write("enter", { node, socket, user, channel }),
      leave: (node, socket, user, channel) => write("leave", { node, socket, user, channel }),
      users: (channel) => call("users", channel),
      channels: () => call("channels", null),
      connections: (user) => call("connections", user),
      held: (node) => call("held", node),
      evict: (node) => call("evict", node),
      nodes: () => call("nodes", null),
    },
    revocations: {
      async revoke(what, ttlSeconds) {
        if (ttlSeconds <= 0) return;
        if ("user" in what) await call("revokeUser", { ...what, ttlSeconds });
        else await call("revokeToken", { ...what, ttlSeconds });
      },
      isRevoked: (token) => call("isRevoked", token),
    },
    history: {
      async append(channel, entry, { maxMessages, ttlSeconds }) {
        if (maxMessages >= 1 && ttlSeconds > 0) await call("append", { channel, entry, maxMessages, ttlSeconds });
      },
      last: async (channel, limit) => (limit < 1 ? [] : call("last", { channel, limit })),
    },
    sessions: {
      async put(sessions, ttlSeconds) {
        for (let from = 0; from < sessions.length; from += BATCH)
          await call("putSessions", { sessions: sessions.slice(from, from + BATCH), ttlSeconds });
      },
      keep: async (pids, ttlSeconds) => void (await call("keepSessions", { pids: [...pids], ttlSeconds })),
      take: async (pid, { user, guest }) => (await call("takeSession", { pid, user, guest })) ?? undefined,
      drop: async (pid, turn) => void (await call("dropSession", { pid, turn })),
    },
    connected: () => link.connected(),
    onLost: (listener) => {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    async [Symbol.asyncDispose]() {
      calls[Symbol.dispose]();
      await link[Symbol.asyncDispose]();
    },
  };
};
