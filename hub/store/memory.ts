import { LEDGER_LIMITS, type HistoryEntry, type StoreAnswer, type StoreAsk, type StoreCall } from "#crds";
import { ExpiringMap } from "./expiring.ts";
import { memoryLedger } from "./ledger.ts";
import { memoryPresence } from "./presence.ts";
import { memorySessions } from "./sessions.ts";

/** Ids, revocations and channels with a history that are held at most; the oldest go first. */
const MAX_IDS = 1_000_000;
const MAX_REVOCATIONS = 1_000_000;
const MAX_CHANNELS = 100_000;

interface Mark {
  event: string;
  taken: boolean;
  ack?: unknown;
}

/** Every call of the store, answered at once. */
export type MemoryStore = { [C in StoreCall]: (ask: StoreAsk<C>) => StoreAnswer<C> } & {
  /** Frees what has expired. */
  sweep(): void;
};

/** The store's ports in memory, bounded; what they promise is written at the ports. */
export const memoryStore = ({ clock = Date.now }: { clock?: () => number } = {}): MemoryStore => {
  const ledger = memoryLedger(clock);
  const presence = memoryPresence();
  const sessions = memorySessions(clock);
  const marks = new ExpiringMap<Mark>(MAX_IDS, clock);
  const tokens = new ExpiringMap<true>(MAX_REVOCATIONS, clock);
  const users = new ExpiringMap<number>(MAX_REVOCATIONS, clock);
  const history = new ExpiringMap<{ entry: HistoryEntry; until: number }[]>(MAX_CHANNELS, clock);
  const keep = (key: string, mark: Mark) => marks.set(key, mark, clock() + LEDGER_LIMITS.markMs);
  const live = (channel: string) => (history.get(channel) ?? []).filter(({ until }) => until > clock());
  return {
    record: (entries) => {
      ledger.record(entries);
      return null;
    },
    get: ({ user, id }) => ledger.get(user, id) ?? null,
    overview: ({ pool, limit }) => ledger.overview(pool, limit),
    requestCancel: ({ user, id }) => {
      ledger.requestCancel(user, id);
      return null;
    },
    cancelRequested: ({ user, id }) => ledger.cancelRequested(user, id),
    begin: ({ key, event }) => {
      const held = marks.get(key);
      if (held?.taken === true) return { state: "taken", event: held.event, ack: held.ack };
      if (held !== undefined) return { state: "pending", event: held.event };
      keep(key, { event, taken: false });
      return { state: "new" };
    },
    take: ({ key, ack, event: told }) => {
      const event = marks.get(key)?.event ?? told;
      if (event !== undefined) keep(key, { event, taken: true, ack });
      return null;
    },
    drop: (key) => {
      if (marks.get(key)?.taken === false) marks.delete(key);
      return null;
    },
    connect: ({ node, socket, user, limit }) => presence.connect(node, socket, user, limit),
    disconnect: ({ node, socket }) => presence.disconnect(node, socket),
    enter: ({ node, socket, user, channel }) => presence.enter(node, socket, user, channel),
    leave: ({ node, socket, user, channel }) => presence.leave(node, socket, user, channel),
    users: (channel) => presence.users(channel),
    channels: () => presence.channels(),
    connections: (user) => presence.connections(user),
    held: (node) => presence.held(node),
    evict: (node) => presence.evict(node),
    nodes: () => presence.nodes(),
    revokeToken: ({ jti, ttlSeconds }) => {
      tokens.set(jti, true, Math.max(tokens.until(jti), clock() + ttlSeconds * 1000));
      return null;
    },
    revokeUser: ({ user, before, ttlSeconds }) => {
      const widest = Math.max(before, users.get(user) ?? before);
      users.set(user, widest, Math.max(users.until(user), clock() + ttlSeconds * 1000));
      return null;
    },
    isRevoked: ({ jti, user, issuedAt }) =>
      issuedAt < (users.get(user) ?? -Infinity) || (jti !== undefined && tokens.get(jti) === true),
    append: ({ channel, entry, maxMessages, ttlSeconds }) => {
      const until = clock() + ttlSeconds * 1000;
      const entries = [...live(channel), { entry, until }].slice(-maxMessages);
      history.set(channel, entries, Math.max(...entries.map((it) => it.until)));
      return null;
    },
    last: ({ channel, limit }) =>
      live(channel)
        .slice(-limit)
        .map(({ entry }) => entry),
    putSessions: ({ sessions: given, ttlSeconds }) => {
      for (const session of given) sessions.put(session, ttlSeconds);
      return null;
    },
    keepSessions: ({ pids, ttlSeconds }) => {
      for (const pid of pids) sessions.keep(pid, ttlSeconds);
      return null;
    },
    takeSession: (claim) => sessions.take(claim),
    dropSession: ({ pid, turn }) => {
      sessions.drop(pid, turn);
      return null;
    },
    sweep: () => {
      ledger.sweep();
      sessions.sweep();
      for (const map of [marks, tokens, users, history]) map.sweep();
    },
  };
};
