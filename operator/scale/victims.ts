import type { Snapshot } from "#crds";
import type { Instance } from "../port.ts";

const loadOf = (snapshot: Snapshot | undefined, instance: string): number => {
  const isIts = ({ node }: { node: string }) => node.slice(0, node.lastIndexOf("-")) === instance;
  const gateway = snapshot?.gateways.find(isIts);
  if (gateway) return gateway.connections + gateway.carried;
  return snapshot?.workers.find(isIts)?.inHand.length ?? 0;
};

/** Who of a role goes when `surplus` must: those not ready, then the emptiest, then the latest. */
export const victims = (
  instances: readonly Instance[],
  surplus: number,
  snapshot: Snapshot | undefined,
): readonly string[] =>
  instances
    .map(({ instance, state }, index) => ({
      instance,
      index,
      isReady: state === "ready",
      load: loadOf(snapshot, instance),
    }))
    .sort((a, b) => Number(a.isReady) - Number(b.isReady) || a.load - b.load || b.index - a.index)
    .slice(0, Math.max(0, surplus))
    .map(({ instance }) => instance);
