/** Times by which things have to be done, all of the same length: one timer for all of them. */
export interface Deadlines<T> extends Disposable {
  start(it: T): void;
  end(it: T): void;
}

/** `expire` is called once for each that was not ended within `ms` of its start. */
export const createDeadlines = <T>(
  ms: number,
  expire: (it: T) => void,
  now: () => number = () => performance.now(),
): Deadlines<T> => {
  const due = new Map<T, number>();
  let timer: NodeJS.Timeout | undefined;
  const arm = (inMs: number) => {
    timer = setTimeout(sweep, Math.ceil(inMs)).unref();
  };
  const sweep = () => {
    timer = undefined;
    const at = now();
    for (const [it, deadline] of due) {
      if (deadline > at) return arm(deadline - at);
      due.delete(it);
      expire(it);
    }
  };
  return {
    start: (it) => {
      due.set(it, now() + ms);
      if (timer === undefined) arm(ms);
    },
    end: (it) => void due.delete(it),
    [Symbol.dispose]: () => clearTimeout(timer),
  };
};
