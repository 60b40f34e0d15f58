/**
 * A place in a Log: behind entry number `index` of the unbroken history `epoch`, a name of 1 to 16 letters, digits, `-` and `_`. Indexes
 * grow with each entry, from 1, and may leave gaps; 0 is before the first. Places of different epochs cannot be compared.
 */
export interface Place {
  epoch: string;
  index: number;
}

export interface LogEntry {
  index: number;
  /** A view into a larger buffer: copy what is kept for long. */
  bytes: Uint8Array;
}

/** Who follows a Log. Called synchronously, in the Log's order; what it throws is logged and counted, and harms nobody. */
export interface LogFollower {
  /** Each entry once, with no gap to what came before. */
  entries(epoch: string, entries: readonly LogEntry[]): void;
  /**
   * What stood behind the place reached so far may not be had any more: it was cut off, or the server lost its end. What comes next stands
   * behind `to`. A server that lost entries which somebody may have seen goes on in a new epoch, for all followers.
   */
  cut(to: Place): void;
  /** What it still has of what it was handed, for a Log whose server keeps nothing on a disk; absent: nothing. */
  kept?(): KeptTail;
}

/** All entries behind `floor`, up to `last`. */
export interface KeptTail {
  floor: number;
  last: number;
  after(index: number): Iterable<LogEntry>;
}

/** One follower's way through the Log. */
export interface Following extends AsyncDisposable {
  /** Behind the last entry handed over. */
  place(): Place;
}

/** How much of it the server keeps: the newest, within both; appenders and followers of one Log are told the same. */
export interface LogLimits {
  maxMessages: number;
  maxBytes: number;
}

/**
 * One order for everyone: what any process of the cluster appends, every follower gets in the same order, each entry once, also after an
 * outage. Several clusters on one server do not see each other.
 */
export interface Log {
  /**
   * `bytes` are never empty. Places of one process grow as it calls. Never throws, waits at most until the connection is known to be gone; nothing is sent twice.
   * Rejects with the Refusal `delivery_unavailable`: at once where the server is away or 50,000 entries or 64 MiB wait (then it is not in
   * the Log); or when the connection went before the answer (then nobody knows: who follows sees). All that waits is rejected in order.
   */
  append(bytes: Uint8Array): Promise<Place>;
  /**
   * Hands over all that stands behind `from` and all that comes: `oldest` is before the first entry kept, `newest` behind the last.
   * Resolves when what stood there at that moment has been handed over. Where `from` is cut off or of another epoch, `cut` is called first,
   * with the place before the oldest entry kept. Reconnects by itself, at the last place.
   */
  follow(from: Place | "oldest" | "newest", follower: LogFollower): Promise<Following>;
  connected(): boolean;
}

/** A Log as its driver opens it. */
export interface OpenLog extends Log, AsyncDisposable {}
