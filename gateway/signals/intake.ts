/** What a gateway has taken since others last asked, and whom to tell when that is news. */
export interface Intake {
  /** The broker has confirmed a job of that pool. */
  taken(pool: string): void;
  /** `tell` is called once more than `room` jobs of a pool came, and each time that twice as many came; until the next watch of the same `node`. */
  watch(node: string, room: Readonly<Record<string, number>>, tell: () => void): void;
}

interface Watch {
  /** By pool: jobs taken, and how many are no news yet. */
  pools: Map<string, { taken: number; limit: number }>;
  tell: () => void;
  at: number;
}

/** Nodes that no longer ask are forgotten after this. */
const FORGOTTEN_MS = 10_000;

export const createIntake = (now: () => number = Date.now): Intake => {
  const watches = new Map<string, Watch>();
  return {
    taken: (pool) => {
      for (const { pools, tell } of watches.values()) {
        const it = pools.get(pool);
        if (it === undefined || ++it.taken <= it.limit) continue;
        it.limit = 2 * it.taken;
        tell();
      }
    },
    watch: (node, room, tell) => {
      const at = now();
      for (const [other, watch] of watches) if (at - watch.at > FORGOTTEN_MS) watches.delete(other);
      const pools = Object.entries(room).map(([pool, limit]) => [pool, { taken: 0, limit }] as const);
      watches.set(node, { pools: new Map(pools), tell, at });
    },
  };
};
