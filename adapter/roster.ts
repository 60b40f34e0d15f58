interface Entry<T> {
  about: T;
  heard: number;
}

/** Who was heard and when. Knows neither clock nor bus. */
export interface Roster<T> {
  readonly entries: ReadonlyMap<string, Entry<T>>;
  /** True: not known before. */
  hear(node: string, about: T, at: number): boolean;
  leave(node: string): T | undefined;
  /** Takes out everyone not heard since `at - silentMs`. */
  silent(at: number, silentMs: number): [node: string, about: T][];
  /** Everyone counts as heard at `at`. */
  excuse(at: number): void;
}

export const createRoster = <T>(): Roster<T> => {
  const entries = new Map<string, Entry<T>>();
  return {
    entries,
    hear: (node, about, at) => {
      const isNew = !entries.has(node);
      entries.set(node, { about, heard: at });
      return isNew;
    },
    leave: (node) => {
      const entry = entries.get(node);
      entries.delete(node);
      return entry?.about;
    },
    silent: (at, silentMs) => {
      const gone = [...entries].filter(([, { heard }]) => at - heard > silentMs);
      for (const [node] of gone) entries.delete(node);
      return gone.map(([node, { about }]) => [node, about]);
    },
    excuse: (at) => {
      for (const entry of entries.values()) entry.heard = at;
    },
  };
};

/** Time as it counts against the silent: it stands while the bus is down, and a stall of this process counts for little. */
export const createSilence = (maxStepMs: number) => {
  let last: number | undefined;
  let total = 0;
  let wasDown = false;
  return {
    /** `back`: the bus was down at the look before and is up now. */
    look: (now: number, connected: boolean): { at: number; back: boolean } => {
      if (connected && last !== undefined) total += Math.min(now - last, maxStepMs);
      last = now;
      const back = wasDown && connected;
      wasDown = !connected;
      return { at: total, back };
    },
    at: () => total,
  };
};
