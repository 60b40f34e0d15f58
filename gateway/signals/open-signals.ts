import type { Bus, Membership } from "#adapter";
import type { Broker, Depth } from "#broker";
import {
  REPORT_REQUEST_TOPIC,
  report,
  reportTopic,
  type GatewayReport,
  type Pool,
  type Snapshot,
  type WorkerReport,
} from "#crds";
import type { Log } from "#process";
import { aggregate, isFresh, roomOf, withRatesOf, type Gathered, type Heard } from "./aggregate.ts";
import { jsonOf } from "./answer.ts";

export interface SignalsOptions {
  node: string;
  bus: Bus;
  /** Undefined where none could be reached yet, or none is needed. */
  broker: () => Pick<Broker, "depth" | "connected"> | undefined;
  store: { connected(): boolean };
  membership: Pick<Membership, "members">;
  /** The live configuration's. */
  pools: () => readonly Pool[];
  own: () => GatewayReport;
  log: Log;
  now?: () => number;
  everyMs?: number;
  /** Between a snapshot and one that is due at once. */
  urgentMs?: number;
}

/** The cluster's snapshots, gathered only while someone listens. */
export interface Signals extends AsyncDisposable {
  /**
   * `listener` gets a snapshot every second until the returned is disposed, and one at once where a gateway has taken more jobs than
   * the last has room for; the first when others had the time to report.
   */
  open(listener: (snapshot: Snapshot) => void): Disposable;
}

const forgetStale = (heard: Map<string, Heard<unknown>>, at: number): void => {
  for (const [key, it] of heard) if (!isFresh(it, at)) heard.delete(key);
};

/**
 * Depths by pool. One whose answer is late is as it was, until that is as old as a report may be. It is not asked again meanwhile, so that
 * a hanging broker holds one call each.
 */
const depthReader = (brokerOf: () => Pick<Broker, "depth"> | undefined, now: () => number) => {
  const asking = new Set<string>();
  const known = new Map<string, Heard<Depth>>();
  const ask = async (broker: Pick<Broker, "depth">, pool: Pool): Promise<void> => {
    asking.add(pool.name);
    try {
      known.set(pool.name, { report: await broker.depth(pool), at: now() });
    } catch {
      known.delete(pool.name);
    } finally {
      asking.delete(pool.name);
    }
  };
  return async (pools: readonly Pool[], withinMs: number): Promise<Map<string, Depth>> => {
    const broker = brokerOf();
    if (broker === undefined) return new Map();
    const answers = pools.filter(({ name }) => !asking.has(name)).map((pool) => ask(broker, pool));
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, withinMs);
    await Promise.race([Promise.all(answers), promise]);
    clearTimeout(timer);
    forgetStale(known, now());
    return new Map([...known].map(([pool, { report }]) => [pool, report]));
  };
};

export const openSignals = ({
  now = Date.now,
  everyMs = 1000,
  urgentMs = 100,
  ...options
}: SignalsOptions): Signals => {
  const { node, bus, broker, store, membership, log } = options;
  const listeners = new Set<(snapshot: Snapshot) => void>();
  const readDepths = depthReader(broker, now);
  let stop: (() => void) | undefined;

  const gather = () => {
    const gateways = new Map<string, Heard<GatewayReport>>();
    const workers = new Map<string, Heard<WorkerReport>>();
    let before: Gathered | undefined;
    let last: Snapshot | undefined;
    let stopped = false;
    let timer: NodeJS.Timeout | undefined;
    /** performance.now() of the next regular snapshot, and of the last of any kind. */
    let regularAt = performance.now() + everyMs;
    let lastAt = -Infinity;
    let isRunning = false;
    let isUrgent = false;
    const ask = () => {
      const room = last === undefined ? undefined : roomOf(last, options.pools());
      bus.publish(REPORT_REQUEST_TOPIC, Buffer.from(JSON.stringify({ node, room })));
    };
    const hear = (message: Uint8Array) => {
      const heard = report.safeParse(jsonOf(message));
      if (!heard.success) return;
      const at = now();
      if ("worker" in heard.data) return void workers.set(heard.data.worker.node, { report: heard.data.worker, at });
      gateways.set(heard.data.gateway.node, { report: heard.data.gateway, at });
      if (heard.data.urgent !== true) return;
      isUrgent = true;
      arm();
    };
    const subscription = bus.subscribe(reportTopic(node), hear);
    subscription.then(ask, (error: unknown) => log.warn({ err: error }, "reports cannot be heard"));
    const tick = async (isRegular: boolean) => {
      const pools = options.pools();
      const depths = await readDepths(pools, everyMs / 2);
      if (stopped) return;
      const at = now();
      forgetStale(gateways, at);
      forgetStale(workers, at);
      const gathered: Gathered = {
        at,
        own: options.own(),
        gateways: [...gateways.values()],
        workers: [...workers.values()],
        pools,
        depths,
        servers: {
          broker: broker()?.connected() ?? pools.length === 0,
          adapter: bus.connected(),
          store: store.connected(),
        },
        members: membership.members().filter(({ role }) => role === "worker"),
      };
      last = isRegular ? aggregate(gathered, before) : withRatesOf(aggregate(gathered), last);
      if (isRegular) before = gathered;
      for (const listener of listeners) listener(last);
    };
    const run = async (isRegular: boolean) => {
      const began = performance.now();
      if (isRegular) regularAt = began + everyMs;
      lastAt = began;
      isRunning = true;
      isUrgent = false;
      try {
        await tick(isRegular);
      } catch (error) {
        log.error({ err: error }, "a snapshot failed");
      }
      isRunning = false;
      if (stopped) return;
      if (isRegular) ask();
      arm();
    };
    /** Sets the timer for the next snapshot; what becomes urgent while one is made is for the next. */
    const arm = () => {
      if (stopped || isRunning) return;
      clearTimeout(timer);
      const isRegular = !isUrgent || regularAt <= lastAt + urgentMs;
      const dueAt = isRegular ? regularAt : lastAt + urgentMs;
      timer = setTimeout(() => void run(isRegular), Math.max(0, dueAt - performance.now()));
    };
    arm();
    return () => {
      stopped = true;
      clearTimeout(timer);
      subscription.then((it) => it[Symbol.asyncDispose]()).catch(() => undefined);
    };
  };

  const close = (listener: (snapshot: Snapshot) => void) => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    stop?.();
    stop = undefined;
  };

  return {
    open: (listener) => {
      const mine = (snapshot: Snapshot) => listener(snapshot);
      listeners.add(mine);
      stop ??= gather();
      return { [Symbol.dispose]: () => close(mine) };
    },
    async [Symbol.asyncDispose]() {
      listeners.clear();
      stop?.();
      stop = undefined;
    },
  };
};
