/** What an event of a worker makes of it; others say nothing of its state. */
const STATES = {
  starting: "starting",
  restarting: "starting",
  ready: "ready",
  stopping: "stopping",
  stopped: "gone",
  exited: "gone",
  failing: "gone",
};

/** Who works for a pool, from what the channel `cluster` tells: the events of the last while, and again after each reconnect. */
export const createWorkers = (pool, show) => {
  const known = new Map();
  return {
    /** An event of the cluster; those of other pools, and older ones of the same worker, change nothing. */
    heard: ({ at, instance, what, ...event }) => {
      const state = STATES[what];
      if (event.pool !== pool || state === undefined || (known.get(instance)?.at ?? 0) > at) return;
      known.set(instance, { at, instance, state });
      const here = [...known.values()].filter((it) => it.state !== "gone");
      show(here.sort((a, b) => a.instance.localeCompare(b.instance)));
    },
  };
};
