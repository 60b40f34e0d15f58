/** How many runs of a pool may be under way, over all that consume for it. */
export interface Slots {
  /** False: all are taken. */
  take(): boolean;
  give(): void;
  /** Called whenever one is free again. */
  onFree(listener: () => void): void;
}

export const createSlots = (size: number): Slots => {
  const listeners: (() => void)[] = [];
  let taken = 0;
  return {
    take: () => {
      if (taken >= size) return false;
      taken++;
      return true;
    },
    give: () => {
      taken--;
      for (const listener of listeners) listener();
    },
    onFree: (listener) => void listeners.push(listener),
  };
};
