/** What a run adds up to. */
export interface Tally {
  /** Replicas too many and too few, summed over time, as parts of those that the load asks for. */
  over: number;
  under: number;
  changesPerHour: number;
  /** Turns from up to down or back within ten minutes. */
  flapsPerHour: number;
}

const FLAP_SECONDS = 600;

/** Counts second by second what is wanted and what serves, beside what is needed. */
export const createTally = () => {
  let [over, under, needed, changes, flaps, seconds] = [0, 0, 0, 0, 0, 0];
  let before: number | undefined;
  let turned: { direction: number; at: number } | undefined;
  return {
    add: ({
      second,
      wanted,
      serving,
      need,
    }: {
      second: number;
      wanted: number;
      serving: number;
      need: number;
    }): void => {
      seconds += 1;
      over += Math.max(0, serving - need);
      under += Math.max(0, need - serving);
      needed += need;
      const direction = before === undefined ? 0 : Math.sign(wanted - before);
      before = wanted;
      if (direction === 0) return;
      changes += 1;
      if (turned !== undefined && turned.direction !== direction && second - turned.at <= FLAP_SECONDS) flaps += 1;
      turned = { direction, at: second };
    },
    result: (): Tally => ({
      over: over / needed,
      under: under / needed,
      changesPerHour: (changes * 3600) / seconds,
      flapsPerHour: (flaps * 3600) / seconds,
    }),
  };
};
