import type { LogLimits, Place } from "../../log/port.ts";
import type { Head } from "./document.ts";

export type Start = Place | "oldest" | "newest";

/** Where reading goes on: `behind` an entry; at the oldest that is kept behind `index`; or some who followed have seen what is lost. */
export type GoOn =
  | { kind: "behind"; index: number }
  | { kind: "floor"; index: number; isCut: boolean }
  | { kind: "lost" };

/** The last entry that is cut off for their number alone. */
export const floorOf = ({ next }: Head, { maxMessages }: LogLimits): number => Math.max(0, next - 1 - maxMessages);

/**
 * How one who stood at `start` goes on in a log that ends with `end`. `found`: the document there that should hold the entry at `start`;
 * `seen`: the one that he saw it in.
 */
export const goOn = (
  start: Start,
  { end, found, seen, limits }: { end: Head; found: Head | undefined; seen: Head | undefined; limits: LogLimits },
): GoOn => {
  if (start === "newest") return { kind: "behind", index: end.next - 1 };
  const floor = floorOf(end, limits);
  if (start === "oldest") return { kind: "floor", index: floor, isCut: false };
  const { epoch, index } = start;
  if (epoch !== end.epoch) return { kind: "floor", index: floor, isCut: true };
  if (index >= end.next) return { kind: "lost" };
  // What he has had before his place does not come again, should it be there.
  if (index < floor || found === undefined || found.next <= index)
    return { kind: "floor", index: Math.max(floor, index), isCut: true };
  const isSeen = seen !== undefined && seen.first <= index && index < seen.next;
  if (isSeen && (found.id !== seen.id || found.writer !== seen.writer)) return { kind: "lost" };
  return { kind: "behind", index };
};

/** How a document stands to one who expects the entry `next` of `epoch`. */
export type Stand = "next" | "known" | "gap" | "later epoch" | "earlier epoch";

export const standOf = (head: Head, { epoch, next }: { epoch: string; next: number }): Stand => {
  if (head.epoch !== epoch) return head.epoch > epoch ? "later epoch" : "earlier epoch";
  if (head.next <= next) return "known";
  return head.first <= next ? "next" : "gap";
};
