/** A terminal's Ctrl-C reaches us twice behind npm, which passes on what we got already: so close together they are one. */
const SAME_PRESS_MS = 400;

export interface Interruptions {
  /** Resolves at the first SIGINT, SIGTERM or SIGHUP. */
  readonly first: Promise<void>;
  onSecond(listener: () => void): void;
}

/** Listens for the signals that ask this process to go. */
export const interruptions = (
  source: Pick<NodeJS.EventEmitter, "on"> = process,
  now: () => number = () => performance.now(),
): Interruptions => {
  const first = Promise.withResolvers<void>();
  let since: number | undefined;
  let second = () => process.exit(130);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    source.on(signal, () => {
      if (since === undefined) {
        since = now();
        first.resolve();
      } else if (now() - since > SAME_PRESS_MS) second();
    });
  return { first: first.promise, onSecond: (listener) => void (second = listener as () => never) };
};
