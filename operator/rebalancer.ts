import { drainPlan, type Cluster } from "#crds";
import type { Log } from "#process";
import type { Instance, Signal, Signals, Substrate } from "./port.ts";
import { initialRebalance, rebalance, type RebalanceState } from "./scale/rebalance.ts";
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

/** Gives gateways their share of the connections. */
export interface Rebalancer {
  /** One look at a cluster, and what follows from it; undefined: nothing may be done there. Resolves with whether it is to be looked at soon. */
  pass(key: string, subject: RebalanceSubject | undefined): Promise<boolean>;
  forget(key: string): void;
}

/** What is known of waves is in memory alone: an operator that begins lets clients come to all gateways again. */
export const createRebalancer = ({ substrate, signals, log, now }: RebalancerOptions): Rebalancer => {
  const states = new Map<string, RebalanceState>();

  const step = (key: string, { cluster, plan, instances, signal }: RebalanceSubject) => {
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
        states.get(key) ?? initialRebalance,
      )
    );
  };

  return {
    pass: async (key, subject) => {
      const next = subject && step(key, subject);
      try {
        await substrate.shun(key, next?.shunned ?? []);
      } catch (error) {
        log.warn({ err: error, key }, "which gateways clients are sent to could not be said: it is tried again");
        return true;
      }
      if (next === undefined) states.delete(key);
      else states.set(key, next.state);
      const orders = next?.orders ?? [];
      const sessions = orders.reduce((sum, it) => sum + it.sessions, 0);
      if (sessions > 0) log.info({ key, gateways: orders.length, sessions }, "gateways shed what lies above the mean");
      signals.shed(key, orders);
      return next?.isMoving ?? false;
    },
    forget: (key) => void states.delete(key),
  };
};
