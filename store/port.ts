import type { HistoryEntry, JobState, LedgerEntry } from "#crds";

/** Every method rejects with the Refusal `store_unavailable` within 2 s where the server does not answer; nothing is retried behind the caller's back. */

export type { JobState, LedgerEntry };

/**
 * What happened to jobs: at most 10,000 finished ones per pool, for 24 h, and at most 100,000 each that wait and that run, for 7 days.
 * Fed in batches that may arrive in any order: an entry never goes back (`done`, `failed`, `cancelled` are final; within one attempt
 * queued < running < retrying < final), later fields win; the rule is `mergeEntry`. Of two ends `done` wins: a dead letter was put back.
 */
export interface Ledger {
  record(entries: readonly LedgerEntry[]): Promise<void>;
  get(user: string | undefined, id: string): Promise<LedgerEntry | undefined>;
  /** Newest first among the finished, oldest first among the others (those to be retried wait): what a page shows. `limit` is at most 1,000. */
  overview(
    pool: string,
    limit: number,
  ): Promise<{ waiting: number; queued: LedgerEntry[]; running: LedgerEntry[]; finished: LedgerEntry[] }>;
  /** Marks a job as to be cancelled, kept 24 h; workers look before a start. */
  requestCancel(user: string | undefined, id: string): Promise<void>;
  cancelRequested(user: string | undefined, id: string): Promise<boolean>;
}

/** Job ids that clients gave: key is `jobKey`, kept 24 h. */
export interface Ids {
  /** Marks `key` pending in one atomic step. `pending`: another publish of it is not confirmed (yet); `taken`: its ack as it was. */
  begin(
    key: string,
    mark: { gateway: string; event: string },
  ): Promise<{ state: "new" } | { state: "pending"; event: string } | { state: "taken"; event: string; ack: unknown }>;
  /** Confirmed: `ack` is kept for repeats. Where another's refusal dropped the mark meanwhile it is set anew for `event`; without `event` nothing is. */
  take(key: string, ack: unknown, event?: string): Promise<void>;
  /** Refused: forgotten, unless taken. */
  drop(key: string): Promise<void>;
}

/** Who is connected and in which channels. What is there already is written again without effect, so that a node may repeat itself. */
export interface Presence {
  /** One more connection. Its number among the user's, and whether it was let in (`limit`: connections per user); if not, how many there are. */
  connect(
    node: string,
    socket: string,
    user: string,
    limit: number,
  ): Promise<{ admitted: boolean; connections: number }>;
  /** The connection goes, out of all its channels too: how many the user has left, and which channels the user is in no more. */
  disconnect(node: string, socket: string): Promise<{ connections: number; left: Evicted["left"] }>;
  /** A connection enters a channel; what was first by it. One that is not connected (any more) enters nothing. */
  enter(
    node: string,
    socket: string,
    user: string,
    channel: string,
  ): Promise<{ firstOfUser: boolean; firstOfChannel: boolean }>;
  leave(
    node: string,
    socket: string,
    user: string,
    channel: string,
  ): Promise<{ lastOfUser: boolean; lastOfChannel: boolean }>;
  /** Users in a channel, each once. */
  users(channel: string): Promise<string[]>;
  /** Channels with someone in them and how many connections. */
  channels(): Promise<{ channel: string; connections: number }[]>;
  connections(user: string): Promise<{ node: string; socket: string }[]>;
  /** All that `node` holds here: what it compares with its own after `Store.onLost`. */
  held(node: string): Promise<Held[]>;
  /** Takes out all that `node` held, for one caller only: a second gets nothing. Where the server goes away midway the rest stays held. */
  evict(node: string): Promise<Evicted>;
  /** Nodes that hold anything: who of them is no member is to be evicted. */
  nodes(): Promise<string[]>;
}

export interface Held {
  socket: string;
  user: string;
  channels: string[];
}

export interface Evicted {
  sockets: { socket: string; user: string }[];
  /** Who was in a channel by this node only. */
  left: { channel: string; user: string; lastOfChannel: boolean }[];
}

/** Revoked tokens, kept until they would have expired anyway. A user's are those issued before `before`, in the unit of `issuedAt`. */
export interface Revocations {
  revoke(what: { jti: string } | { user: string; before: number }, ttlSeconds: number): Promise<void>;
  isRevoked(token: { jti?: string | undefined; user: string; issuedAt: number }): Promise<boolean>;
}

export type { HistoryEntry };

/** The last events of a channel. */
export interface History {
  append(channel: string, entry: HistoryEntry, keep: { maxMessages: number; ttlSeconds: number }): Promise<void>;
  /** The newest `limit`, oldest first. */
  last(channel: string, limit: number): Promise<HistoryEntry[]>;
}

/** What a client that comes back needs: where it was, under the secret that only it knows. */
export interface Session {
  /** The secret. */
  pid: string;
  /** Of whom; `guest`: he came without a token, so the secret alone says who he is. */
  user: string;
  guest: boolean;
  /** How often it was taken over. */
  turn: number;
  /** Counts what whoever has that turn writes of it. */
  version: number;
  /** The gateway's own, up to 1 MiB. */
  body: Uint8Array;
}

/** Sessions of clients, connected or away. */
export interface Sessions {
  /**
   * Writes each, to be kept for `ttlSeconds` from now; one of which a later turn is here, or was taken, or a later version of that turn is
   * here, is left as it is: so it does not matter which of two writes comes first.
   */
  put(sessions: readonly Session[], ttlSeconds: number): Promise<void>;
  /** Those that are here, whatever their turn, are kept for `ttlSeconds` from now. */
  keep(pids: readonly string[], ttlSeconds: number): Promise<void>;
  /**
   * Gives the session to one caller, with `turn` counted one up, if it is this user's (or a guest's, where `guest`), else undefined, and
   * nothing is changed. From then on it is `taken` until that turn is put; earlier turns are not put any more (for a minute at least).
   */
  take(pid: string, claim: { user: string; guest: boolean }): Promise<Session | "taken" | undefined>;
  /** It is over; where a later turn is here nothing happens. */
  drop(pid: string, turn: number): Promise<void>;
}

export interface Store extends AsyncDisposable {
  readonly ledger: Ledger;
  readonly ids: Ids;
  readonly presence: Presence;
  readonly revocations: Revocations;
  readonly history: History;
  readonly sessions: Sessions;
  connected(): boolean;
  /**
   * Called when what the server holds for this node may be wrong and the server answers: after an outage, after calls that failed, when
   * it came back empty, when another evicted this node. Presence may then lack what is here and hold what is gone: `presence.held` tells.
   */
  onLost(listener: () => void): Disposable;
}
