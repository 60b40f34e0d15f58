/** Passes on values of many sources, each at most once per interval; the last value of a source always gets through. */
export interface Throttle<T, V> extends Disposable {
  offer(source: T, value: V): void;
  /** Sends what is held back of `source` and forgets it. */
  end(source: T): void;
}

interface Sent<V> {
  at: number;
  held?: { value: V } | undefined;
}

/** `send` gets the first value at once, later ones at most every `everyMs` per source. One timer for all sources, none while nothing is held. */
export const createThrottle = <T, V>(
  everyMs: number,
  send: (source: T, value: V) => void,
  now: () => number = () => performance.now(),
): Throttle<T, V> => {
  const sources = new Map<T, Sent<V>>();
  let timer: NodeJS.Timeout | undefined;
  const flush = (source: T, sent: Sent<V>) => {
    if (sent.held === undefined) return;
    const { value } = sent.held;
    sent.held = undefined;
    sent.at = now();
    send(source, value);
  };
  const arm = () => {
    timer ??= setTimeout(sweep, everyMs / 2).unref();
  };
  const sweep = () => {
    timer = undefined;
    const before = now() - everyMs;
    let holding = false;
    for (const [source, sent] of sources) {
      if (sent.at <= before) flush(source, sent);
      holding ||= sent.held !== undefined;
    }
    if (holding) arm();
  };
  return {
    offer: (source, value) => {
      const sent = sources.get(source);
      const at = now();
      if (sent === undefined) sources.set(source, { at });
      else if (sent.held !== undefined || sent.at > at - everyMs) {
        sent.held = { value };
        return arm();
      } else sent.at = at;
      send(source, value);
    },
    end: (source) => {
      const sent = sources.get(source);
      if (sent === undefined) return;
      flush(source, sent);
      sources.delete(source);
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
};
