/** Prefix of the room behind a channel; clients name channels only, so nobody can name another's room. */
const CHANNEL_PREFIX = "c:";
const USER_PREFIX = "u:";

/** The socket.io room that holds everyone subscribed to `channel`. */
export const channelRoom = (channel: string): string => CHANNEL_PREFIX + channel;

/** The socket.io room that holds all connections of the user `sub`. */
export const userRoom = (sub: string): string => USER_PREFIX + sub;

/** The channel behind a room, or undefined where the room is none of ours (an app's own, a socket's). */
export const channelOfRoom = (room: string): string | undefined =>
  room.startsWith(CHANNEL_PREFIX) ? room.slice(CHANNEL_PREFIX.length) : undefined;

/** Events that the gateway itself answers; a client's event of this name never reaches a pool. */
export const RESERVED_EVENTS = [
  "subscribe",
  "unsubscribe",
  "publish",
  "presence",
  "history",
  "job:status",
  "job:cancel",
  "auth:refresh",
] as const;
export type ReservedEvent = (typeof RESERVED_EVENTS)[number];

/** Events that only the gateway says to a client; nobody can publish them. */
export const SERVER_EVENTS = [
  "session",
  "refused",
  "job:progress",
  "job:retry",
  "job:done",
  "job:failed",
  "presence:join",
  "presence:leave",
  "jobs",
  "cluster",
  "recovery:lost",
] as const;

/** What a gateway tells pools about connections and channels, once each, also for a gateway that was killed. */
export const LIFECYCLE_EVENTS = ["$connected", "$disconnected", "$occupied", "$vacated"] as const;
export type LifecycleEvent = (typeof LIFECYCLE_EVENTS)[number];

/** Names that socket.io keeps to itself: an emit of one throws. */
const SOCKET_EVENTS = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/** Whether `event` is one that socket.io says to its own listeners, which nobody can send. */
export const isSocketEvent = (event: string): boolean => SOCKET_EVENTS.includes(event);

const OWN_EVENTS: ReadonlySet<string> = new Set([
  ...RESERVED_EVENTS,
  ...SERVER_EVENTS,
  ...LIFECYCLE_EVENTS,
  ...SOCKET_EVENTS,
]);

/** Whether nobody but the gateway may say `event`: reserved, the server's, a lifecycle event or socket.io's own. */
export const isOwnEvent = (event: string): boolean => OWN_EVENTS.has(event);

/** The channel that tells the queue and the progress of everyone's jobs of a pool. */
export const jobsChannel = (pool: string): string => `jobs:${pool}`;

/** The channel that tells what happens to gateways and workers. */
export const CLUSTER_CHANNEL = "cluster";

/** Whether `name` matches `pattern`: a literal, or a prefix that ends in `*`. */
export const matches = (pattern: string, name: string): boolean =>
  pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : pattern === name;

/** Whether any of `patterns` matches `name`. */
export const matchesAny = (patterns: readonly string[], name: string): boolean =>
  patterns.some((pattern) => matches(pattern, name));

/** The pattern that matches `name` best: a literal before any prefix, then the longest; undefined where none does. */
export const bestMatch = (patterns: readonly string[], name: string): string | undefined =>
  patterns
    .filter((pattern) => matches(pattern, name))
    .sort((a, b) => Number(a.endsWith("*")) - Number(b.endsWith("*")) || b.length - a.length)[0];
