import type { Instance } from "../port.ts";
import type { InHand } from "./in-hand.ts";

/**
 * Who of a role goes when `surplus` must: those not ready, then the emptiest, then the latest. Of whom it is not known what they have in
 * hand go last.
 */
export const victims = (
  instances: readonly Instance[],
  { surplus, inHand }: { surplus: number; inHand: InHand },
): readonly string[] =>
  instances
    .map(({ instance, state }, index) => ({
      instance,
      index,
      isReady: state === "ready",
      load: inHand.has(instance) ? (inHand.get(instance) ?? Infinity) : 0,
    }))
    .sort(
      (a, b) =>
        Number(a.isReady || a.load === Infinity) - Number(b.isReady || b.load === Infinity) ||
        (a.load === b.load ? 0 : a.load - b.load) ||
        b.index - a.index,
    )
    .slice(0, Math.max(0, surplus))
    .map(({ instance }) => instance);
