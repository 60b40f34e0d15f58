import { PARTITIONS } from "./routing.ts";

export interface FoldingLimits {
  /** Rooms bound one by one; beyond it partitions are folded: bound as a whole, and sorted here. */
  maxRooms: number;
  /** Bindings that wait for the server, beyond which partitions are folded: one binding instead of many. */
  maxPending: number;
}

/** Which partitions are folded, decided from what is wanted. Knows no server. */
export interface Folding {
  isFolded(partition: number): boolean;
  folded(): number;
  add(partition: number, key: string): void;
  remove(partition: number, key: string): void;
  keys(partition: number): ReadonlySet<string>;
  /** The partition that should be folded now, the largest; it is folded from then on. */
  fold(pending: number): number | undefined;
  /** The partition that may be unfolded now that nothing is pending, the smallest; it is unfolded from then on. */
  unfold(): number | undefined;
  /** Folds every partition that has keys: after a reconnect all is heard at once. */
  foldAll(): void;
}

/** Unfolds only below this share of `maxRooms`, so that one room more or less does not fold and unfold. */
const UNFOLD_SHARE = 0.8;

export const createFolding = ({ maxRooms, maxPending }: FoldingLimits): Folding => {
  const partitions = Array.from({ length: PARTITIONS }, () => ({ keys: new Set<string>(), folded: false }));
  const at = (partition: number) => {
    const found = partitions[partition];
    if (found === undefined) throw new Error(`there is no partition ${partition}`);
    return found;
  };
  const single = (): number => partitions.reduce((sum, { keys, folded }) => (folded ? sum : sum + keys.size), 0);
  let count = 0;

  const pick = (folded: boolean, better: (size: number, than: number) => boolean): number | undefined => {
    let best: number | undefined;
    for (const [index, it] of partitions.entries())
      if (it.folded === folded && it.keys.size > 0 && (best === undefined || better(it.keys.size, at(best).keys.size)))
        best = index;
    return best;
  };
  return {
    isFolded: (partition) => at(partition).folded,
    folded: () => partitions.filter(({ folded }) => folded).length,
    add: (partition, key) => {
      const it = at(partition);
      if (it.keys.has(key)) return;
      it.keys.add(key);
      if (!it.folded) count += 1;
    },
    remove: (partition, key) => {
      const it = at(partition);
      if (it.keys.delete(key) && !it.folded) count -= 1;
    },
    keys: (partition) => at(partition).keys,
    fold: (pending) => {
      if (count <= maxRooms && pending <= maxPending) return undefined;
      const largest = pick(false, (size, than) => size > than);
      if (largest === undefined) return undefined;
      at(largest).folded = true;
      count = single();
      return largest;
    },
    unfold: () => {
      const empty = partitions.findIndex(({ keys, folded }) => folded && keys.size === 0);
      const smallest = empty === -1 ? pick(true, (size, than) => size < than) : empty;
      if (smallest === undefined || count + at(smallest).keys.size > maxRooms * UNFOLD_SHARE) return undefined;
      at(smallest).folded = false;
      count = single();
      return smallest;
    },
    foldAll: () => {
      for (const it of partitions) it.folded = it.keys.size > 0;
      count = 0;
    },
  };
};
