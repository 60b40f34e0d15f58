import { counter, type Log } from "#process";
import type { Evicted, Held, Presence } from "#store";
import type { Registry } from "prom-client";

/** What the store found first or last by a change here. */
export interface PresenceEvents {
  /** A user entered a channel with his first connection there, or left with his last. */
  moved(channel: string, user: string, joined: boolean): void;
  /** A channel got its first connection in the cluster, or lost its last. */
  occupied(channel: string, occupied: boolean): void;
}

/**
 * Tells the store who is connected here and in which channels, off the hot path and in order. What it could not tell (the store is
 * away, too much under way) is counted, and mended once the store is back.
 */
export interface PresenceFeed extends AsyncDisposable {
  /** Whether the connection is let in; yes where the store cannot say. */
  connect(socket: string, user: string, limit: number | undefined): Promise<boolean>;
  /** It is among the `local` ones now. */
  arrived(socket: string): void;
  /** It will not arrive, if it has not. */
  abandon(socket: string): void;
  /** It goes, and out of all its channels. */
  disconnect(socket: string): void;
  move(socket: string, user: string, channel: string, joined: boolean): void;
  /** Makes the store hold what is here, where something may be missing or `lost`. */
  mend(lost: boolean): Promise<void>;
  size(): number;
}

export interface PresenceFeedOptions {
  presence: Presence;
  connected: () => boolean;
  node: string;
  /** Connections and their channels as they are now. */
  local: () => Iterable<Held>;
  isLocal: (socket: string, channel?: string) => boolean;
  events: PresenceEvents;
  log: Log;
  registry: Registry;
}

const UNDER_WAY = 50_000;
const AT_ONCE = 200;
const pair = (channel: string, user: string): string => JSON.stringify([channel, user]);

/** What makes `held` equal to `local`: sockets and channels to take out, and to put in. */
export const repairs = (
  held: readonly Held[],
  local: readonly Held[],
): { gone: string[]; left: [Held, string][]; missing: Held[]; entered: [Held, string][] } => {
  const here = new Map(local.map((it) => [it.socket, it]));
  const there = new Map(held.map((it) => [it.socket, it]));
  const without = (a: readonly Held[], b: Map<string, Held>) =>
    a.flatMap((it) => {
      const other = new Set(b.get(it.socket)?.channels);
      return it.channels.filter((channel) => !other.has(channel)).map((channel): [Held, string] => [it, channel]);
    });
  const gone = held.filter(({ socket }) => !here.has(socket)).map(({ socket }) => socket);
  return {
    gone,
    left: without(
      held.filter(({ socket }) => here.has(socket)),
      here,
    ),
    missing: local.filter(({ socket }) => !there.has(socket)),
    entered: without(local, there),
  };
};

export const createPresenceFeed = ({
  presence,
  connected,
  node,
  local,
  isLocal,
  events,
  log,
  registry,
}: PresenceFeedOptions): PresenceFeed => {
  const skipped = counter(registry, {
    name: "realtime_presence_skipped_total",
    help: "Changes of presence that the store was not told when they happened",
  });
  const underWay = new Set<Promise<void>>();
  /** Who entered which channel without the store: told as new when it is mended, and nothing else is. */
  const untold = new Set<string>();
  /** Let in and not `local` yet. */
  const arriving = new Set<string>();
  let missing = false;
  let mending: Promise<void> | undefined;

  const skip = () => {
    missing = true;
    skipped.inc();
  };
  const tell = (change: () => Promise<void>, skippedToo?: () => void): void => {
    const forgo = () => {
      skip();
      skippedToo?.();
    };
    if (!connected() || underWay.size >= UNDER_WAY) return forgo();
    const it = change().catch((error: unknown) => {
      forgo();
      log.debug({ err: error }, "the store was not told");
    });
    underWay.add(it);
    void it.then(() => underWay.delete(it));
  };
  const note = (left: Evicted["left"]) => {
    for (const { channel, user, lastOfChannel } of left) {
      events.moved(channel, user, false);
      if (lastOfChannel) events.occupied(channel, false);
    }
  };
  const enter = async (socket: string, user: string, channel: string, quiet: boolean) => {
    const { firstOfUser, firstOfChannel } = await presence.enter(node, socket, user, channel);
    if (quiet) return;
    if (firstOfUser) events.moved(channel, user, true);
    if (firstOfChannel) events.occupied(channel, true);
  };
  const leave = async (socket: string, user: string, channel: string) => {
    const { lastOfUser, lastOfChannel } = await presence.leave(node, socket, user, channel);
    if (lastOfUser) note([{ channel, user, lastOfChannel }]);
  };
  const disconnect = async (socket: string) => note((await presence.disconnect(node, socket)).left);

  const inChunks = async <T>(items: readonly T[], act: (item: T) => Promise<unknown>) => {
    for (let at = 0; at < items.length; at += AT_ONCE) await Promise.all(items.slice(at, at + AT_ONCE).map(act));
  };

  const repair = async (): Promise<void> => {
    missing = false;
    try {
      const { gone, left, missing: absent, entered } = repairs(await presence.held(node), [...local()]);
      await inChunks(gone, async (socket) => {
        if (!arriving.has(socket) && !isLocal(socket)) await disconnect(socket);
      });
      await inChunks(left, async ([{ socket, user }, channel]) => {
        if (!isLocal(socket, channel)) await leave(socket, user, channel);
      });
      await inChunks(absent, async ({ socket, user }) => {
        if (isLocal(socket)) await presence.connect(node, socket, user, Number.MAX_SAFE_INTEGER);
      });
      await inChunks(entered, async ([{ socket, user }, channel]) => {
        if (isLocal(socket, channel)) await enter(socket, user, channel, !untold.delete(pair(channel, user)));
      });
      untold.clear();
      const repaired = gone.length + left.length + absent.length + entered.length;
      if (repaired > 0) log.info({ repaired }, "presence was mended in the store");
    } catch (error) {
      missing = true;
      log.debug({ err: error }, "presence could not be mended");
    }
  };

  return {
    connect: async (socket, user, limit = Number.MAX_SAFE_INTEGER) => {
      if (!connected()) {
        skip();
        return true;
      }
      try {
        arriving.add(socket);
        const { admitted } = await presence.connect(node, socket, user, limit);
        if (!admitted) arriving.delete(socket);
        return admitted;
      } catch (error) {
        skip();
        log.debug({ err: error }, "the store was not told");
        return true;
      }
    },
    arrived: (socket) => void arriving.delete(socket),
    abandon: (socket) => {
      if (arriving.delete(socket)) tell(() => disconnect(socket));
    },
    disconnect: (socket) => tell(() => disconnect(socket)),
    move: (socket, user, channel, joined) => {
      if (joined)
        tell(
          () => enter(socket, user, channel, false),
          () => untold.size < UNDER_WAY && untold.add(pair(channel, user)),
        );
      else tell(() => leave(socket, user, channel));
    },
    mend: async (lost) => {
      if (!(missing || lost) || !connected()) return;
      mending ??= repair().finally(() => (mending = undefined));
      await mending;
    },
    size: () => underWay.size + arriving.size,
    [Symbol.asyncDispose]: async () => {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
};
