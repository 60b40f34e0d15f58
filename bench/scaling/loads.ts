import { DEPARTURES } from "./recorded.ts";

/** A load over time, as a part of the most that there is. */
export interface Load {
  name: string;
  seconds: number;
  share: (second: number) => number;
  /** Whether anything is told at that second. */
  isTold?: (second: number) => boolean;
}

const HOUR = 3600;
const DAY = 24 * HOUR;
const MOST_DEPARTURES = Math.max(...DEPARTURES);

/** Between two of the ten minutes, in a straight line. */
const departures = (second: number): number => {
  const place = (second % DAY) / 600;
  const [from, to] = [Math.floor(place), Math.ceil(place)].map((it) => DEPARTURES[it % DEPARTURES.length] ?? 0);
  return ((from ?? 0) + ((to ?? 0) - (from ?? 0)) * (place % 1)) / MOST_DEPARTURES;
};

export const LOADS: readonly Load[] = [
  {
    name: "ramp: 0 to all in 30 min, an hour, and back",
    seconds: 3 * HOUR,
    share: (second) => Math.max(0, Math.min(1, second / 1800, (2 * HOUR - second) / 1800)),
  },
  {
    name: "spike: a tenth, and all for a minute each half hour",
    seconds: 4 * HOUR,
    share: (second) => (second % 1800 >= 900 && second % 1800 < 960 ? 1 : 0.1),
  },
  {
    name: "daily curve: a fifth at night, all at noon",
    seconds: DAY,
    share: (second) => 0.6 - 0.4 * Math.cos((2 * Math.PI * second) / DAY),
  },
  {
    name: "sawtooth: 0 to all in 10 min, and at once to 0",
    seconds: 3 * HOUR,
    share: (second) => (second % 600) / 600,
  },
  {
    name: "flapping: half a minute nothing, half a minute half",
    seconds: 2 * HOUR,
    share: (second) => (second % 60 < 30 ? 0 : 0.5),
  },
  {
    name: "dead signal: half, twice as much 5 min after it dies, which it does for 15",
    seconds: 2 * HOUR,
    share: (second) => (second >= 2100 ? 1 : 0.5),
    isTold: (second) => second < 1800 || second >= 2700,
  },
  { name: "recorded: departures of flights over a day", seconds: DAY, share: departures },
];
