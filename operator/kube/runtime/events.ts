import { randomBytes } from "node:crypto";
import { Registry } from "prom-client";
import { backoffMs, counter, type Log } from "#process";
import { ApiError, type Client } from "./client.ts";
import { systemClock, type Clock } from "./clock.ts";
import { eventObject, referenceOf, sameness, seriesOf, type Happening, type Series } from "./event-object.ts";
import { refOf, type KubeObject } from "./object.ts";
import { tokenBucket, type TokenBucket } from "./token-bucket.ts";

export type { Happening, ObjectRef } from "./event-object.ts";

export interface EventRecorderOptions {
  client: Client;
  /** Who reports: `example.com/operator`. */
  controller: string;
  /** This process of it, such as the pod's name. */
  instance: string;
  log: Log;
  registry?: Registry;
  limits?: Partial<typeof EVENT_LIMITS>;
  clock?: Clock;
  /** ms since 1970. */
  today?: () => number;
  random?: () => number;
}

/** Disposing writes what is queued, for at most two seconds. */
export interface EventRecorder extends AsyncDisposable {
  /** Never throws and never waits: what cannot be written, or is too much, is dropped and counted. */
  record(happening: Happening): void;
}

/** Of one object: `burst` events at once, then `perSecond` (client-go's spam filter: 25, then one in 5 minutes). */
export const EVENT_LIMITS = {
  /** The same within this time after its last is one event with a count. */
  sameMs: 10 * 60_000,
  /** How often a count is written. */
  countMs: 5 * 60_000,
  perSecond: 1 / 300,
  burst: 25,
  /** Writes that may wait, and objects and series that are remembered. */
  queue: 1000,
  remembered: 4096,
  attempts: 8,
};

const BACKOFF = { minMs: 1000, maxMs: 30_000 };
const LAST_MS = 2000;
const FIELD_MANAGER = "event-recorder";

interface Known {
  happening: Happening;
  event: KubeObject;
  series: Series;
  written: number;
  timer: Disposable | undefined;
}

/** Adds to a map that forgets who was added first. */
const remember = <T>(map: Map<string, T>, key: string, value: T, most: number): T | undefined => {
  map.set(key, value);
  const [first] = map;
  if (map.size <= most || first === undefined) return undefined;
  map.delete(first[0]);
  return first[1];
};

/** Tells of what happens to objects as Events: the same again is counted in the one that is there, and no object gets more than its share. */
export const openEventRecorder = ({
  client,
  controller,
  instance,
  log,
  registry = new Registry(),
  limits,
  clock = systemClock,
  today = Date.now,
  random = Math.random,
}: EventRecorderOptions): EventRecorder => {
  const { sameMs, countMs, perSecond, burst, queue: mostQueued, remembered, attempts } = { ...EVENT_LIMITS, ...limits };
  const dropped = counter(registry, {
    name: "kube_events_dropped_total",
    help: "Events that were not written: too many about one object, too many waiting, refused or not to be delivered",
    labelNames: ["reason"],
  });
  for (const reason of ["rate", "queue", "refused", "undelivered"]) dropped.inc({ reason }, 0);
  const series = new Map<string, Known>();
  const buckets = new Map<string, TokenBucket>();
  const queue: (() => Promise<void>)[] = [];
  const ended = Promise.withResolvers<void>();
  let working: Promise<void> | undefined;
  let stopped = false;

  const attempt = async (write: () => Promise<void>): Promise<void> => {
    for (let failures = 1; ; failures++) {
      try {
        return await write();
      } catch (error) {
        const isRefused = error instanceof ApiError && error.status < 500;
        if (isRefused || stopped || failures >= attempts) {
          dropped.inc({ reason: isRefused ? "refused" : "undelivered" });
          return log.debug({ err: error, failures }, "an event was not written");
        }
        const rest = Promise.withResolvers<void>();
        using _ = clock.after(backoffMs(failures, BACKOFF, random), rest.resolve);
        await Promise.race([rest.promise, ended.promise]);
      }
    }
  };

  const work = async (): Promise<void> => {
    for (let write = queue.shift(); write !== undefined; write = queue.shift()) await attempt(write);
    working = undefined;
  };

  const enqueue = (write: () => Promise<void>): boolean => {
    if (queue.length >= mostQueued) {
      dropped.inc({ reason: "queue" });
      return false;
    }
    queue.push(write);
    working ??= work();
    return true;
  };

  const newEvent = (happening: Happening, count: Series): KubeObject => {
    const name = `${referenceOf(happening.about).name.slice(0, 220)}.${randomBytes(8).toString("hex")}`;
    return eventObject(happening, { name, at: today(), series: count, controller, instance });
  };

  const create = async (event: KubeObject): Promise<void> => {
    try {
      await client.create(event, { fieldManager: FIELD_MANAGER });
    } catch (error) {
      // An attempt that was not answered may have arrived.
      if (!(error instanceof ApiError && error.reason === "AlreadyExists")) throw error;
    }
  };

  const writeCount = async (known: Known): Promise<void> => {
    const count = { ...known.series };
    try {
      await client.merge(refOf(known.event), seriesOf(count), { fieldManager: FIELD_MANAGER });
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
      known.event = newEvent(known.happening, count);
      await create(known.event);
    }
    known.written = count.count;
  };

  /** Writes the count if it grew, and looks again later; forgets what does not happen any more. */
  const follow = (key: string, known: Known): void => {
    known.timer = clock.after(countMs, () => {
      if (known.series.count > known.written) enqueue(() => writeCount(known));
      else if (today() - known.series.last >= sameMs) return void series.delete(key);
      follow(key, known);
    });
  };

  const mayWrite = (happening: Happening): boolean => {
    const { uid, ...ref } = referenceOf(happening.about);
    const key = uid ?? JSON.stringify(ref);
    const bucket = buckets.get(key) ?? tokenBucket({ perSecond, burst }, clock.now);
    buckets.delete(key);
    remember(buckets, key, bucket, remembered);
    if (bucket.take()) return true;
    dropped.inc({ reason: "rate" });
    return false;
  };

  const take = (happening: Happening): void => {
    const key = sameness(happening);
    const known = series.get(key);
    if (known !== undefined && today() - known.series.last < sameMs) {
      known.series = { count: known.series.count + 1, last: today() };
      return;
    }
    known?.timer?.[Symbol.dispose]();
    series.delete(key);
    if (!mayWrite(happening)) return;
    const first = { count: 1, last: today() };
    const event = newEvent(happening, first);
    if (!enqueue(() => create(event))) return;
    const fresh: Known = { happening, event, series: first, written: 1, timer: undefined };
    remember(series, key, fresh, remembered)?.timer?.[Symbol.dispose]();
    follow(key, fresh);
  };

  return {
    record: (happening) => {
      if (stopped) return;
      try {
        take(happening);
      } catch (error) {
        log.warn({ err: error }, "an event was not recorded");
      }
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      ended.resolve();
      for (const { timer } of series.values()) timer?.[Symbol.dispose]();
      const late = Promise.withResolvers<void>();
      using _ = clock.after(LAST_MS, late.resolve);
      await Promise.race([working, late.promise]);
      queue.length = 0;
    },
  };
};
