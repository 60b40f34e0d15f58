import { jobsChannel, type JobsPicture, type Pool } from "#crds";
import { counter, type Log } from "#process";
import type { Ledger } from "#store";
import type { Registry } from "prom-client";
import { jobsPictureOf } from "./jobs-picture.ts";

/** Where a feed's events go: this gateway's own subscribers of a channel, or one of them. */
export interface Emits {
  emit(event: string, ...args: unknown[]): unknown;
}

export interface JobsFeedOptions {
  ledger: Pick<Ledger, "overview">;
  /** The live configuration's pools. */
  pools: () => readonly Pick<Pool, "name" | "timeoutSeconds">[];
  /** This gateway's own subscribers of `channel`. */
  local: (channel: string) => Emits;
  log: Log;
  registry: Registry;
  now?: () => number;
  everyMs?: number;
  /** Jobs of each list. */
  limit?: number;
}

/** The channels `jobs:<pool>`: each gateway reads the ledger for its own subscribers, and only while it has some. */
export interface JobsFeed extends Disposable {
  /** The first local subscriber of a channel came (`occupied`), or the last went. */
  onLocalChannel(channel: string, occupied: boolean): void;
  /** A socket has subscribed: it gets the picture as last seen, at once. */
  onSubscribed(channel: string, socket: Emits): void;
}

interface Watching {
  pool: string;
  channel: string;
  picture: JobsPicture | undefined;
  text: string;
  reading: boolean;
  /** ms since the epoch; not read again before it. */
  notBefore: number;
}

const PREFIX = jobsChannel("");
const AWAY_MS = 1000;
/** Workers' clocks and batches may be this late. */
const LATE_MS = 60_000;

export const openJobsFeed = ({ now = Date.now, everyMs = 250, limit = 50, ...options }: JobsFeedOptions): JobsFeed => {
  const { ledger, local, log } = options;
  const watching = new Map<string, Watching>();
  const failures = counter(options.registry, {
    name: "realtime_feed_read_failures_total",
    help: "Reads of the ledger for jobs:<pool> that failed; the picture stays as it was.",
  });
  let timer: NodeJS.Timeout | undefined;

  const show = (it: Watching, picture: JobsPicture) => {
    const text = JSON.stringify(picture);
    if (text === it.text || watching.get(it.channel) !== it) return;
    it.text = text;
    it.picture = picture;
    local(it.channel).emit("jobs", picture);
  };

  const look = async (it: Watching) => {
    const pool = options.pools().find(({ name }) => name === it.pool);
    if (it.reading || now() < it.notBefore || pool === undefined) return;
    it.reading = true;
    const since = now() - pool.timeoutSeconds * 1000 - LATE_MS;
    try {
      show(it, jobsPictureOf(it.pool, await ledger.overview(it.pool, limit), since));
    } catch (error) {
      failures.inc();
      log.debug({ err: error, pool: it.pool }, "the ledger cannot be read");
      it.notBefore = now() + AWAY_MS;
      show(it, { pool: it.pool, unavailable: true });
    } finally {
      it.reading = false;
    }
  };

  const lookAtAll = () => {
    for (const it of watching.values()) void look(it);
  };

  return {
    onLocalChannel: (channel, occupied) => {
      if (!channel.startsWith(PREFIX)) return;
      if (!occupied) {
        watching.delete(channel);
        if (watching.size > 0) return;
        clearInterval(timer);
        timer = undefined;
        return;
      }
      if (watching.has(channel)) return;
      const pool = channel.slice(PREFIX.length);
      const it: Watching = { pool, channel, picture: undefined, text: "", reading: false, notBefore: 0 };
      watching.set(channel, it);
      timer ??= setInterval(lookAtAll, everyMs);
      void look(it);
    },
    onSubscribed: (channel, socket) => {
      const picture = watching.get(channel)?.picture;
      if (picture !== undefined) socket.emit("jobs", picture);
    },
    [Symbol.dispose]: () => {
      watching.clear();
      clearInterval(timer);
    },
  };
};
