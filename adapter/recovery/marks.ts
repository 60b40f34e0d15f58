import type { Kept } from "../port.ts";

/** Up to where each node had all its sessions in the store, as far as the Log of this epoch was read. It stays as it is. */
export interface Marks {
  readonly epoch: string;
  readonly upTo: ReadonlyMap<string, number>;
}

/**
 * Up to where the rooms of a session are complete that `node` has kept. Only marks speak for it that were said after it was written, since a
 * socket may connect behind its node's last one; `marks` must have been read before it was taken, since what its node writes later is left.
 */
export const completeUpTo = ({ epoch, asOf, marked }: Kept, node: string, marks: Marks): number => {
  const upTo = marks.epoch === epoch ? (marks.upTo.get(node) ?? 0) : 0;
  return upTo > marked ? Math.max(asOf, upTo) : asOf;
};
