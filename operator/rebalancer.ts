import type { Cluster } from "#crds";
import type { Instance, Signal, Signals, Substrate } from "./port.ts";
import { initialRebalance, rebalance, type RebalanceState } from "./scale/rebalance.ts";
import type { Role } from "./topology/model.ts";

export interface RebalancePass {
  cluster: Cluster;
  roles: readonly Role[];
  instances: readonly Instance[];
  signal: Signal | undefined;
}

/** Gives gateways that are new their share of the connections. */
export interface Rebalancer {
  /** One look at a cluster, and what follows from it; resolves with whether it is to be looked at again soon. Rejects where a substrate does. */
  pass(key: string, pass: RebalancePass): Promise<boolean>;
  forget(key: string): void;
}

/** What an operator knows of waves is in its memory alone: one that begins lets clients come to all gateways again. */
export const createRebalancer = (
  substrate: Pick<Substrate, "shun">,
  signals: Pick<Signals, "shed">,
  now: () => number,
): Rebalancer => {
  const states = new Map<string, RebalanceState>();
  return {
    pass: async (key, { cluster, roles, instances, signal }) => {
      const role = roles.find((it) => it.role === "gateway");
      if (role === undefined) return false;
      const { state, shunned, orders, isMoving } = rebalance(
        {
          instances: instances.filter(({ of }) => of === role.name),
          configHash: role.configHash,
          signal,
          reconnectsPerSecond: cluster.spec.gateway.drain.reconnectsPerSecond,
          now: now(),
        },
        states.get(key) ?? initialRebalance,
      );
      await substrate.shun(key, shunned);
      states.set(key, state);
      signals.shed(key, orders);
      return isMoving;
    },
    forget: (key) => void states.delete(key),
  };
};
