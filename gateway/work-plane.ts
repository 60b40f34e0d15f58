import { setTimeout as wait } from "node:timers/promises";
import type { Broker } from "#broker";
import type { LiveConfig, Pool } from "#crds";
import type { Log, Watched } from "#process";

/** The broker, opened when the first pool is there, and declared to again whenever the pools change. */
export interface WorkPlane extends AsyncDisposable {
  broker(): Broker | undefined;
  /** Why it cannot take jobs yet; undefined where it can, or need not. */
  notReady(): string | undefined;
  /** Resolves after the first attempt to open and declare, whatever came of it. */
  readonly attempted: Promise<void>;
}

const FIRST_MS = 500;
const LONGEST_MS = 30_000;

/** Opens in the background, with backoff; a pool that the server cannot serve is logged and does not keep the others from theirs. */
export const openWorkPlane = ({
  open,
  config,
  log,
  random = Math.random,
}: {
  open: () => Promise<Broker>;
  config: Watched<LiveConfig>;
  log: Log;
  random?: () => number;
}): WorkPlane => {
  const stopping = new AbortController();
  const first = Promise.withResolvers<void>();
  let broker: Broker | undefined;
  let declared: readonly Pool[] = [];
  let failing = false;
  let running: Promise<void> | undefined;

  const declare = async (to: Broker, pools: readonly Pool[]): Promise<void> => {
    try {
      await to.declare(pools);
    } catch (error) {
      if (pools.length === 1) throw error;
      log.warn({ err: error }, "the pools could not be declared together: one by one");
      const results = await Promise.allSettled(pools.map((pool) => to.declare([pool])));
      const failed = results.find((result) => result.status === "rejected");
      if (failed !== undefined) throw failed.reason;
    }
  };
  const attempt = async (): Promise<void> => {
    const { pools } = config.current();
    if (pools.length === 0 || pools === declared) return;
    broker ??= await open();
    await declare(broker, pools);
    declared = pools;
  };
  const settled = () => {
    const { pools } = config.current();
    return pools.length === 0 || pools === declared;
  };
  const run = async (): Promise<void> => {
    for (let ms = FIRST_MS; !stopping.signal.aborted; ms = Math.min(ms * 2, LONGEST_MS)) {
      try {
        await attempt();
        failing = false;
        if (settled()) return;
      } catch (error) {
        failing = true;
        log.error({ err: error }, "the broker does not take the pools yet");
      }
      first.resolve();
      await wait(ms * (0.5 + random() / 2), undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
    }
  };
  const look = () => {
    running ??= run().finally(() => {
      running = undefined;
      first.resolve();
      if (!settled() && !stopping.signal.aborted) look();
    });
  };
  look();
  const changes = config.onChange(look);
  return {
    broker: () => broker,
    notReady: () => (failing ? "the broker does not take the pools yet" : undefined),
    attempted: first.promise,
    [Symbol.asyncDispose]: async () => {
      changes[Symbol.dispose]();
      stopping.abort();
      await running;
      await broker?.[Symbol.asyncDispose]();
    },
  };
};
