/** What a line knows of the hub's history, to be shown to a hub that has lost it. */
export interface Past {
  /** The hub has opened it, with all its lines; its last entry is `last`. */
  opened(epoch: string, last: number, members: readonly string[]): void;
  joined(id: string): void;
  /** That line is gone, and knew nothing beyond `last`. */
  left(id: string, last: number): void;
  /** The entry `index` is in the history. */
  knows(index: number): void;
  epoch(): string;
  /** Undefined where it has been in none. Lines that are not among `members` know no more than is `known`. */
  told(): { epoch: string; known: number; members: string[] } | undefined;
}

export const createPast = (): Past => {
  let epoch = "";
  let known = 0;
  let members = new Set<string>();
  const knows = (index: number) => void (known = Math.max(known, index));
  return {
    opened: (now, last, all) => {
      known = now === epoch ? Math.max(known, last) : last;
      epoch = now;
      members = new Set(all);
    },
    joined: (id) => void members.add(id),
    left: (id, last) => {
      members.delete(id);
      knows(last);
    },
    knows,
    epoch: () => epoch,
    told: () => (epoch === "" ? undefined : { epoch, known, members: [...members] }),
  };
};
