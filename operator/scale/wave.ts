/** A gateway that takes clients, with what it reports. */
export interface LoadedGateway {
  instance: string;
  /** Of this start of its process. */
  node: string;
  /** Connections, own and carried. */
  load: number;
  /** How many of them would recover what they miss. */
  recoverable: number;
  /** How many it has sent away so far; undefined: it does not say. */
  shed?: number;
}

/** How many sessions a gateway is to close, so that their clients go elsewhere. */
export interface Shed {
  instance: string;
  node: string;
  sessions: number;
}

export interface Wave {
  /** Those that clients are sent to meanwhile: never none, and none of those that shed. */
  takers: readonly string[];
  /** The most loaded first; never empty. */
  sheds: readonly Shed[];
}

/** Of the mean: up to there a gateway is left in peace, and may be filled. */
export const LEVEL = 1.05;
/** Sessions; moving fewer pays for no gateway's leave. */
export const LEAST = 20;

const sum = (numbers: readonly number[]): number => numbers.reduce((total, it) => total + it, 0);
const meanOf = (gateways: readonly LoadedGateway[]): number => sum(gateways.map(({ load }) => load)) / gateways.length;

/** The fullest against the mean; 1 where there is nothing. */
export const unevenness = (gateways: readonly LoadedGateway[]): number => {
  const mean = meanOf(gateways);
  return mean > 0 ? gateways.reduce((most, { load }) => Math.max(most, load), 0) / mean : 1;
};

const sheddable = (gateways: readonly LoadedGateway[]): Shed[] => {
  const mean = meanOf(gateways);
  return gateways
    .filter(({ load }) => load > mean * LEVEL)
    .sort((a, b) => b.load - a.load)
    .map(({ instance, node, load, recoverable }) => ({
      instance,
      node,
      sessions: Math.min(load - Math.ceil(mean), recoverable),
    }))
    .filter(({ sessions }) => sessions > 0);
};

/** What lies above the mean and can be moved. */
export const excessOf = (gateways: readonly LoadedGateway[]): number =>
  sum(sheddable(gateways).map(({ sessions }) => sessions));

/** In proportion, rounded up, from the first on until `total` is reached. */
const share = (sheds: readonly Shed[], total: number): Shed[] => {
  const part = total / sum(sheds.map(({ sessions }) => sessions));
  let left = total;
  return sheds.flatMap((shed) => {
    const sessions = Math.min(Math.ceil(shed.sessions * part), left);
    left -= sessions;
    return sessions > 0 ? [{ ...shed, sessions }] : [];
  });
};

/**
 * One wave of at most `most` sessions. Takers get equal shares of it, so they are as many of the emptiest as can take it without
 * one of them going above the level; where none are enough for all of it, those that take most. Undefined: it would not pay.
 */
export const waveOf = (gateways: readonly LoadedGateway[], most: number): Wave | undefined => {
  const mean = meanOf(gateways);
  const sheds = sheddable(gateways);
  const asked = Math.min(most, sum(sheds.map(({ sessions }) => sessions)));
  const emptier = gateways.filter(({ load }) => load < mean).sort((a, b) => a.load - b.load);
  let best = { count: 0, room: 0 };
  emptier.forEach(({ load }, index) => {
    const room = Math.min(asked, Math.floor((index + 1) * (mean * LEVEL - load)));
    if (room >= best.room) best = { count: index + 1, room };
  });
  if (best.room < LEAST) return undefined;
  return { takers: emptier.slice(0, best.count).map(({ instance }) => instance), sheds: share(sheds, best.room) };
};
