import { setTimeout as wait } from "node:timers/promises";
import { backoffMs, type Backoff, type Log } from "#process";
import { cacheKey, type Cache } from "./cache.ts";
import { ApiError, type Watcher } from "./client.ts";
import type { Kind } from "./object.ts";

/** A watch that ends sooner than this, having told nothing, counts as a failure. */
const AT_ONCE_MS = 5_000;
/** After so many refusals in a row the place to watch on from is not believed any more, nor that there is a list soon. */
const MAX_REFUSALS = 3;

export interface Timing {
  relistEveryMs: number;
  /** The server ends each watch after between one and two times this. */
  watchForMs: number;
  silentAfterMs: number;
  /** How long after a list what the watch has under way may still arrive. */
  settleMs: number;
  backoff: Backoff;
}

export interface Reflection {
  watcher: Watcher;
  kind: Kind;
  namespace: string | undefined;
  labelSelector: string | undefined;
  cache: Pick<Cache, "take" | "replace">;
  timing: Timing;
  log: Log;
  random: () => number;
  signal: AbortSignal;
  onList(): void;
  /** The list of a namespace by name is refused again and again (403, 404): it is gone, or a permission is missing. */
  onLeftOut(): void;
  onMissed(count: number): void;
  onFailure(): void;
}

/**
 * Keeps the cache's share of a namespace as the API server has it, until `signal`: list, then watch from there, and again from where the
 * watch ended, whatever ended it. Lists anew where that place is too old, and from time to time beside the watch, to find what it missed.
 * Never rejects; while the server is away the cache stays as it was.
 */
export const reflect = async (reflection: Reflection): Promise<void> => {
  const { watcher, kind, namespace, labelSelector, cache, timing, log, random, signal } = reflection;
  const scope = { ...(namespace === undefined ? {} : { namespace }), ...(labelSelector ? { labelSelector } : {}) };
  let position: string | undefined;
  let watching: AbortController | undefined;
  /** How often a watch has begun or a list has replaced all. */
  let epoch = 0;
  /** Keys that the watch spoke of since the list under way began. */
  let touched: Set<string> | undefined;

  const list = async (): Promise<string> => {
    const { objects, resourceVersion } = await watcher.snapshot(kind, { ...scope, signal });
    epoch++;
    cache.replace(namespace, objects);
    reflection.onList();
    return resourceVersion;
  };

  /** Resolves when the server ended the watch in good order. */
  const watch = async (resourceVersion: string, told: () => void): Promise<void> => {
    if (signal.aborted) return;
    const abort = new AbortController();
    const stop = () => abort.abort();
    signal.addEventListener("abort", stop);
    watching = abort;
    epoch++;
    try {
      const timeoutSeconds = Math.ceil((timing.watchForMs * (1 + random())) / 1000);
      const { silentAfterMs } = timing;
      const options = { ...scope, resourceVersion, timeoutSeconds, silentAfterMs, signal: abort.signal };
      for await (const event of watcher.watch(kind, options)) {
        if (event.type !== "BOOKMARK") {
          touched?.add(cacheKey(event.object));
          cache.take(event);
        }
        position = event.resourceVersion;
        told();
      }
    } catch (error) {
      if (!abort.signal.aborted || signal.aborted) throw error;
    } finally {
      signal.removeEventListener("abort", stop);
      watching = undefined;
    }
  };

  const keepWatching = async (): Promise<void> => {
    let failures = 0;
    let refusals = 0;
    while (!signal.aborted) {
      try {
        position ??= await list();
        const since = performance.now();
        let told = false;
        await watch(position, () => {
          told = true;
          failures = refusals = 0;
        });
        if (!told && performance.now() - since < AT_ONCE_MS) throw new Error("the watch ended at once");
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        failures++;
        reflection.onFailure();
        const status = error instanceof ApiError ? error.status : undefined;
        const isRefused = position === undefined && failures >= MAX_REFUSALS && (status === 403 || status === 404);
        const isLeftOut = isRefused && namespace !== undefined;
        if (isLeftOut) reflection.onLeftOut();
        if (status !== undefined && status !== 429) refusals++;
        if (status === 410 || refusals >= MAX_REFUSALS) {
          position = undefined;
          refusals = 0;
        }
        const level = isLeftOut && failures > MAX_REFUSALS ? "debug" : status === 410 ? "info" : "warn";
        log[level]({ err: error, failures }, "a watch was interrupted and goes on");
        await wait(backoffMs(failures, timing.backoff, random), undefined, { signal }).catch(() => {});
      }
    }
  };

  const compare = async (): Promise<void> => {
    if (watching === undefined) return;
    const before = epoch;
    touched = new Set();
    try {
      const { objects } = await watcher.snapshot(kind, { ...scope, signal });
      await wait(timing.settleMs, undefined, { signal });
      // Where the watch began anew meanwhile, what differs may be on its way still.
      if (epoch !== before || watching === undefined) return;
      const missed = cache.replace(namespace, objects, touched);
      if (missed === 0) return;
      reflection.onMissed(missed);
      log.warn({ missed }, "a watch had missed changes and begins anew");
      watching.abort();
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, "the list to compare with a watch failed");
    } finally {
      touched = undefined;
    }
  };
  const keepComparing = async (): Promise<void> => {
    while (!signal.aborted) {
      const waited = wait(timing.relistEveryMs * (1 + random() / 10), true, { signal }).catch(() => false);
      if (await waited) await compare();
    }
  };

  await Promise.all([keepWatching(), keepComparing()]);
};
