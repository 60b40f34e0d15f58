const GONE = new Set(["stopped", "exited", "failing"]);

/** Who works for a pool, from what the channel `cluster` tells: the events of the last while, and again after each reconnect. */
export const createWorkers = (pool, show) => {
  const known = new Map();
  return {
    /** An event of the cluster; those of other pools, and older ones of the same worker, change nothing. */
    heard: (event) => {
      if (event.pool !== pool || (known.get(event.instance)?.at ?? 0) > event.at) return;
      known.set(event.instance, event);
      show(
        [...known.values()]
          .filter(({ what }) => !GONE.has(what))
          .sort((a, b) => a.instance.localeCompare(b.instance))
          .map(({ instance, what }) => ({ instance, state: what === "restarting" ? "starting" : what })),
      );
    },
  };
};
