/** Time as it passes here: never compared with another machine's, and never set back. */
export interface Clock {
  /** ms since some moment. */
  now(): number;
  /** Calls once, `ms` from now; disposing takes that back. */
  after(ms: number, call: () => void): Disposable;
}

/** What a timer of Node's can hold; it fires at once beyond that. */
const LONGEST_MS = 2 ** 31 - 1;

/** The process's own clock, which goes on while the process is stopped. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, Math.min(ms, LONGEST_MS));
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};
