import { setTimeout as sleep } from "node:timers/promises";
import { drainPlan, type Cluster } from "#crds";
import type { Log } from "#process";
import type { Instance, Signal, Signals, Substrate } from "./port.ts";
import { initialRebalance, rebalance, resting, type RebalanceState, type RebalanceStep } from "./scale/rebalance.ts";
import type { Topology } from "./topology/model.ts";

export interface RebalancerOptions {
  substrate: Pick<Substrate, "shun">;
  signals: Pick<Signals, "shed">;
  log: Log;
  now: () => number;
}

/** A cluster as it is. */
export interface RebalanceSubject {
  cluster: Cluster;
  plan: Topology;
  instances: readonly Instance[];
  signal: Signal | undefined;
}

/** Gives gateways their share of the connections. Disposing lets clients come to all of them again, as far as that is done soon. */
export interface Rebalancer extends AsyncDisposable {
  /**
   * One look at a cluster, and what follows from it; undefined: nothing may be done there. Resolves within a second with whether it is to be
   * looked at soon: where many gateways are to be told of, that goes on beside, and a look meanwhile changes nothing.
   */
  pass(key: string, subject: RebalanceSubject | undefined): Promise<boolean>;
  forget(key: string): void;
}

interface Memory {
  state: RebalanceState;
  /** In a row, of saying whom clients are not to be sent to. */
  failures: number;
  /** It is being said; resolves as a pass does. */
  saying?: Promise<boolean> | undefined;
}

/** What a pass waits for all to be said. */
const PASS_MS = 1000;
/** So often a wave is tried where it could not be said; it may be that half of it was. */
const TRIES = 3;
const FAREWELL_MS = 10_000;

/** What is known of waves is in memory alone: an operator that begins lets clients come to all gateways again. */
export const createRebalancer = ({ substrate, signals, log, now }: RebalancerOptions): Rebalancer => {
  const memories = new Map<string, Memory>();

  const step = ({ cluster, plan, instances, signal }: RebalanceSubject, state: RebalanceState) => {
    const role = plan.roles.find((it) => it.role === "gateway");
    return (
      role &&
      rebalance(
        {
          instances: instances.filter(({ of }) => of === role.name),
          configHash: role.configHash,
          graceMs: role.graceSeconds * 1000,
          signal,
          perSecond: drainPlan(cluster.spec.gateway.drain).perSecond,
          now: now(),
        },
        state,
      )
    );
  };

  const say = async (key: string, memory: Memory, next: RebalanceStep | undefined): Promise<boolean> => {
    const from = now();
    try {
      await substrate.shun(key, next?.shunned ?? []);
    } catch (error) {
      memory.failures += 1;
      const isOver = next?.state.wave !== undefined && memory.failures >= TRIES;
      if (isOver) memory.state = resting(now());
      log.warn({ err: error, key, isOver }, "which gateways clients are sent to could not be said: it is tried again");
      return true;
    }
    memory.failures = 0;
    const { state = initialRebalance, orders = [], isMoving = false } = next ?? {};
    // By loads that are old nobody sheds: the next pass looks anew.
    if (orders.length > 0 && now() - from > PASS_MS) return true;
    const { wave } = state;
    const isNew = wave !== undefined && memory.state.wave === undefined;
    memory.state = isNew ? { ...state, wave: { ...wave, since: now() } } : state;
    const sessions = orders.reduce((sum, it) => sum + it.sessions, 0);
    if (sessions > 0) log.info({ key, gateways: orders.length, sessions }, "gateways shed what lies above the mean");
    signals.shed(key, orders);
    return isMoving;
  };

  const farewell = async ([key, { saying }]: [string, Memory]): Promise<void> => {
    await saying;
    await substrate.shun(key, []).catch((error: unknown) => {
      log.warn({ err: error, key }, "gateways are left where clients are not sent to: the next operator finds them");
    });
  };

  return {
    pass: async (key, subject) => {
      const memory = memories.get(key) ?? { state: initialRebalance, failures: 0 };
      memories.set(key, memory);
      if (memory.saying !== undefined) return true;
      const next = subject && step(subject, memory.state);
      memory.saying = say(key, memory, next).finally(() => (memory.saying = undefined));
      return Promise.race([memory.saying, sleep(PASS_MS, true, { ref: false })]);
    },
    forget: (key) => void memories.delete(key),
    async [Symbol.asyncDispose]() {
      await Promise.race([Promise.all([...memories].map(farewell)), sleep(FAREWELL_MS, undefined, { ref: false })]);
    },
  };
};
