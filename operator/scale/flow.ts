import type { WorkerLoad } from "./model.ts";

interface Mark {
  at: number;
  /** Jobs that had come by then, since the first mark. */
  arrived: number;
}

/** What is remembered of a pool's jobs: how many came by when, and, fading, how long hands were full and how jobs ended. */
export interface Flow {
  /** Oldest first, the older the sparser. */
  marks: readonly Mark[];
  handSeconds: number;
  done: number;
  failed: number;
  /** Hands of the last look, if jobs waited for one: then none was idle, whatever workers say that they have in it. */
  short: number | undefined;
  /** Between two such looks: seconds of all hands, and jobs that ended; with when that was last so. */
  full: { at: number; handSeconds: number; ended: number };
}

export const initialFlow: Flow = {
  marks: [],
  handSeconds: 0,
  done: 0,
  failed: 0,
  short: undefined,
  full: { at: 0, handSeconds: 0, ended: 0 },
};

const HALF_LIFE_MS = 60_000;
/** Nobody tells whether jobs have become shorter since hands were last full: after so long they are taken to be half as long. */
const EASE_MS = 3_600_000;
/** After so long without news nothing of before can be told from what came meanwhile. */
const GAP_MS = 10_000;
const BUCKET_MS = 5000;
const BUCKETS = 5;
const FEWEST_BUCKETS = 3;
const MOST_MARKS = 250;
const APART_SHARE = 0.05;
/** Fewer ended jobs say nothing of how long they take, or of how they end. */
const FEWEST_ENDED = 1;
const FEWEST_FAILED = 5;

/** Where they are many, only those that are apart from the one before by a part of their age. */
const thinned = (marks: readonly Mark[], now: number): readonly Mark[] => {
  if (marks.length <= MOST_MARKS) return marks;
  let kept = -Infinity;
  return marks.filter(({ at }) => {
    const isApart = at - kept >= (now - at) * APART_SHARE;
    if (isApart) kept = at;
    return isApart;
  });
};

/** Jobs that wait for nothing but a hand, as far as is known. */
export const waitingForHands = ({ ready, blocked = 0 }: WorkerLoad): number => Math.max(0, ready - blocked);

/** The flow with one more look at the pool, whose workers have so many hands; the same look again changes nothing. */
export const advance = (flow: Flow, load: WorkerLoad, hands = 0): Flow => {
  const { at, ready, unacked, inRate = 0, outRate = 0, failedRate = 0 } = load;
  const last = flow.marks.at(-1);
  const short = hands > 0 && waitingForHands(load) > 0 ? hands : undefined;
  if (last === undefined || at < last.at || at - last.at > GAP_MS)
    return { ...initialFlow, marks: [{ at, arrived: 0 }], short };
  if (at === last.at) return flow;
  const seconds = (at - last.at) / 1000;
  const fadeSince = (then: number) => 0.5 ** ((at - then) / HALF_LIFE_MS);
  const fade = fadeSince(last.at);
  const failed = Math.min(failedRate, outRate);
  // Who has just come has ended nothing yet.
  const isFull = short !== undefined && short === flow.short;
  const { full } = flow;
  const fullFade = fadeSince(full.at);
  // Of a queue that is empty nothing older is asked for.
  const known = ready > 0 ? flow.marks : flow.marks.filter((mark) => at - mark.at <= (BUCKETS + 1) * BUCKET_MS);
  return {
    marks: thinned([...known, { at, arrived: last.arrived + inRate * seconds }], at),
    handSeconds: flow.handSeconds * fade + unacked * seconds,
    done: flow.done * fade + (outRate - failed) * seconds,
    failed: flow.failed * fade + failed * seconds,
    short,
    full: isFull
      ? {
          at,
          handSeconds: full.handSeconds * fullFade + short * seconds,
          ended: full.ended * fullFade + outRate * seconds,
        }
      : full,
  };
};

const arrivedBy = (marks: readonly Mark[], at: number): number => {
  const after = marks.findIndex((mark) => mark.at >= at);
  const [next, before] = [marks[after], marks[after - 1]];
  if (next === undefined || before === undefined) return next?.arrived ?? 0;
  return before.arrived + ((next.arrived - before.arrived) * (at - before.at)) / (next.at - before.at);
};

/** Jobs per second that come, as the middle one of five spans of 5 s has it: a burst, or one lie, is none. Undefined: not known for long enough. */
export const arrivalRate = ({ marks }: Flow): number | undefined => {
  const [first, last] = [marks[0], marks.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const buckets = Math.min(BUCKETS, Math.floor((last.at - first.at) / BUCKET_MS));
  if (buckets < FEWEST_BUCKETS) return undefined;
  const counts = Array.from({ length: buckets + 1 }, (_, ago) => arrivedBy(marks, last.at - ago * BUCKET_MS));
  const spans = counts.slice(1).map((count, index) => (counts[index] ?? count) - count);
  const middle = spans.toSorted((a, b) => a - b)[Math.floor((buckets - 1) / 2)] ?? 0;
  return (middle * 1000) / BUCKET_MS;
};

/** How long a job is in a hand until it ends, all its attempts together, seconds; undefined: too few have ended. */
export const runSeconds = (flow: Flow): number | undefined =>
  isEnding(flow) ? flow.handSeconds / (flow.done + flow.failed) : undefined;

/** How many hand's seconds a job takes at a worker that never has a free one; undefined: not seen. It is right also where jobs end before anybody can tell that they are in hand. */
export const fullSeconds = ({ marks, full: { at, handSeconds, ended } }: Flow): number | undefined =>
  ended < FEWEST_ENDED ? undefined : (handSeconds / ended) * 0.5 ** (((marks.at(-1)?.at ?? at) - at) / EASE_MS);

/** Whether any job has ended lately. */
export const isEnding = ({ done, failed }: Flow): boolean => done + failed >= FEWEST_ENDED;

/** Jobs end, and as good as none of them well. */
export const isFailing = ({ done, failed }: Flow): boolean => failed >= FEWEST_FAILED && done < failed / 100;

/**
 * How long the oldest of `ready` jobs has waited at least, ms: where they are taken in the order in which they came, it came when all
 * but `ready` had come. No server need tell it. Jobs that wait for a retry count as if they had come last.
 */
export const oldestWaitMs = ({ marks }: Flow, ready: number): number => {
  const last = marks.at(-1);
  if (last === undefined || ready <= 0) return 0;
  const before = last.arrived - ready;
  const oldest = marks.find(({ arrived }) => arrived > before) ?? last;
  return last.at - oldest.at;
};
