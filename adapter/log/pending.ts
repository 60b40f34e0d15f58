import type { LogMetrics } from "./metrics.ts";
import type { Place } from "./port.ts";

const MAX_ENTRIES = 50_000;
const MAX_BYTES = 64 << 20;

interface Waiting {
  id: number;
  size: number;
  answer: PromiseWithResolvers<Place>;
}

/** Appends that the server has not answered, in order, bounded and counted. */
export interface Pending {
  hasRoom(): boolean;
  add(size: number): Promise<Place>;
  /** Number of the one added last, from 1. */
  last(): number;
  /** The oldest is in the Log. */
  done(place: Place): void;
  /** The oldest `count` (all): nobody knows. */
  fail(reason: Error, count?: number): void;
  /** The one added last was not sent. */
  drop(reason: Error): void;
  /** What was not even added. */
  refuse(reason: Error): Promise<never>;
}

export const createPending = (metrics: LogMetrics): Pending => {
  let waiting: Waiting[] = [];
  let first = 0;
  let bytes = 0;
  let last = 0;
  const compact = () => {
    if (first < waiting.length && (first < 1024 || first < waiting.length / 2)) return;
    waiting = waiting.slice(first);
    first = 0;
  };
  return {
    hasRoom: () => waiting.length - first < MAX_ENTRIES && bytes < MAX_BYTES,
    add: (size) => {
      last += 1;
      const answer = Promise.withResolvers<Place>();
      answer.promise.catch(() => {});
      waiting.push({ id: last, size, answer });
      bytes += size;
      return answer.promise;
    },
    last: () => last,
    done: (place) => {
      const it = waiting[first];
      if (it === undefined) return;
      first += 1;
      bytes -= it.size;
      compact();
      metrics.appended();
      it.answer.resolve(place);
    },
    fail: (reason, count = Infinity) => {
      const failed = waiting.slice(first, first + count);
      first += failed.length;
      compact();
      for (const { size, answer } of failed) {
        bytes -= size;
        metrics.refused("unconfirmed");
        answer.reject(reason);
      }
    },
    drop: (reason) => {
      const it = waiting.pop();
      if (it === undefined) return;
      bytes -= it.size;
      metrics.refused("refused");
      it.answer.reject(reason);
    },
    refuse: (reason) => {
      metrics.refused("refused");
      const refused = Promise.reject(reason);
      refused.catch(() => {});
      return refused;
    },
  };
};
