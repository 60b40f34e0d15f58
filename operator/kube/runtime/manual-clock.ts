import type { Clock } from "./clock.ts";

export interface ManualClock extends Clock {
  /** Lets `ms` pass: calls what becomes due, in order, and lets what that started go on until it waits. */
  pass(ms: number): Promise<void>;
  /** Lets `ms` pass at once, as for a process that was stopped: nothing is called until the next `pass`. */
  leap(ms: number): void;
}

/** A clock for tests, that stands still unless told. */
export const manualClock = (): ManualClock => {
  const timers = new Set<{ at: number; call: () => void }>();
  let time = 0;
  const settle = async () => {
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    now: () => time,
    after: (ms, call) => {
      const timer = { at: time + ms, call };
      timers.add(timer);
      return { [Symbol.dispose]: () => void timers.delete(timer) };
    },
    leap: (ms) => void (time += ms),
    pass: async (ms) => {
      const end = time + ms;
      await settle();
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= Math.max(end, time)).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        timers.delete(next);
        time = Math.max(time, next.at);
        next.call();
        await settle();
      }
      time = Math.max(time, end);
    },
  };
};
