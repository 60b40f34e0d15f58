/**
 * The order of what this process says: what it appended to the Log is numbered, and what is to come behind that waits until the Log has
 * given it back, or it is known that it will not.
 */
export interface Program {
  /** The number of what is said now. */
  next(): number;
  /** It came back. */
  landed(number: number): void;
  /** It will not, or nobody knows whether. */
  failed(number: number): void;
  /** What was said so far may have been missed: nothing waits for it any more. */
  giveUp(): void;
  /** Runs `act` behind all that was said so far: now, where nothing is under way. */
  behind(act: () => void): void;
  /** Runs `act` when what was said last has come back, or will not. */
  afterLast(act: () => void): void;
  /** Runs `act`, and what it calls by `behind`, now. */
  now(act: () => void): void;
}

/** Longer than any Log takes that works: what still waits then goes on without it. */
const PATIENCE_MS = 5000;

export const createProgram = ({
  clock = () => performance.now(),
  late = () => {},
}: {
  clock?: () => number;
  /** Told of how many acts waited in vain. */ late?: (acts: number) => void;
} = {}): Program => {
  let said = 0;
  let seen = 0;
  /** What was said when the act that runs now began; undefined: none does. */
  let inside: number | undefined;
  const lost = new Set<number>();
  let waiting: { after: number; at: number; act: () => void }[] = [];
  let first = 0;
  let timer: NodeJS.Timeout | undefined;

  const run = (act: () => void) => {
    const before = inside;
    inside = said;
    try {
      act();
    } finally {
      inside = before;
    }
  };
  const flush = () => {
    while (lost.delete(seen + 1)) seen += 1;
    for (let it = waiting[first]; it !== undefined && it.after <= seen; it = waiting[first]) {
      first += 1;
      run(it.act);
    }
    if (first < waiting.length) return;
    waiting = [];
    first = 0;
  };
  const see = (number: number) => {
    if (number <= seen) return;
    for (const it of lost) if (it <= number) lost.delete(it);
    seen = number;
    flush();
  };
  const look = () => {
    timer = undefined;
    const oldest = waiting[first];
    if (oldest === undefined) return;
    if (clock() - oldest.at >= PATIENCE_MS) {
      late(waiting.length - first);
      see(said);
    }
    watch();
  };
  const watch = () => {
    if (waiting.length > 0) timer ??= setTimeout(look, PATIENCE_MS / 5).unref();
  };
  const wait = (act: () => void) => {
    waiting.push({ after: said, at: clock(), act });
    watch();
  };
  return {
    next: () => (said += 1),
    landed: see,
    failed: (number) => {
      if (number <= seen) return;
      lost.add(number);
      flush();
    },
    giveUp: () => see(said),
    behind: (act) => {
      if (inside === said || seen === said) run(act);
      else wait(act);
    },
    afterLast: (act) => {
      if (seen === said) run(act);
      else wait(act);
    },
    now: run,
  };
};
