import { Ring } from "#process";
import type { LogEntry, LogLimits, Place } from "../log/port.ts";
import type { StreamRecord } from "./record.ts";

/** Where a reading begins: at the first record kept, at the last chunk of records, or at the record of that index, which was seen before. */
export type StartAt = "first" | "last" | number;

/** The last record that was read before. */
export interface SeenRecord {
  index: number;
  body: Uint8Array;
}

/** `number`: the entry's among what this process said. */
export interface OwnedEntry extends LogEntry {
  readonly size: number;
  readonly number: number | undefined;
}

/** What to do at the end of what stood there: read again from the first record; begin an epoch, and ask again when there is one; or go on. */
export type Decision =
  | { kind: "again" }
  | { kind: "begin"; replaces: string }
  | { kind: "go"; place: Place; isCut: boolean; entries: readonly OwnedEntry[] };

/** Reads what stands in a stream, and decides how a follower goes on from there. Knows no server. */
export interface CatchUp {
  epoch(): string;
  take(index: number, record: StreamRecord, body: Uint8Array, number: number | undefined): void;
  /** When the record of index `end` was taken in, behind which everything is new. */
  decide(end: number): Decision;
}

export interface CatchUpOptions {
  at: StartAt;
  from: Place | "oldest" | "newest";
  seen?: SeenRecord | undefined;
  limits: LogLimits;
}

export const createCatchUp = ({ at, from, seen, limits }: CatchUpOptions): CatchUp => {
  const kept = new Ring<OwnedEntry>();
  let epoch = typeof at === "number" && typeof from === "object" ? from.epoch : "";
  let first: number | undefined;
  let newest = 0;
  let isSeen = false;

  const begin = ({ epoch: begun, replaces }: { epoch: string; replaces: string }, index: number) => {
    // Two may begin one at once, and the first counts: who reads less than all takes the word of nobody but who knows.
    const counts = epoch === "" ? at === "first" || replaces === begun : replaces === epoch;
    if (!counts || begun === epoch) return;
    // What stood there before is of another history; before the first epoch nothing did.
    if (replaces !== begun && replaces !== "") kept.clear(index);
    epoch = begun;
  };
  const decide = (end: number): Decision => {
    const known = typeof from === "object" && from.epoch === epoch ? from : undefined;
    if (epoch === "") return at === "first" ? { kind: "begin", replaces: "" } : { kind: "again" };
    if (typeof at === "number" && !isSeen) return { kind: "again" };
    const isLost = seen !== undefined && !isSeen && (first ?? Infinity) <= seen.index;
    if (known !== undefined && (isLost || known.index > end))
      return at === "first" ? { kind: "begin", replaces: epoch } : { kind: "again" };
    if (from === "newest") return { kind: "go", place: { epoch, index: newest || end }, isCut: false, entries: [] };
    const isThere = known !== undefined && known.index >= kept.floor;
    const place = isThere ? known : { epoch, index: kept.floor };
    const isCut = from !== "oldest" && !isThere;
    return { kind: "go", place, isCut, entries: [...kept.after(place.index)] };
  };
  return {
    epoch: () => epoch,
    take: (index, record, body, number) => {
      if (first === undefined) {
        first = index;
        kept.clear(typeof at === "number" && typeof from === "object" ? from.index : index - 1);
      }
      if (seen?.index === index) isSeen = Buffer.compare(seen.body, body) === 0;
      if (record.kind === "epoch") return begin(record, index);
      if (record.kind === "mark") return;
      // In a stream that is there from its start an epoch begins before anything is said in it.
      if (epoch === "" && first > 1) ({ epoch } = record);
      if (epoch === "") return;
      newest = index;
      kept.push({ index, size: record.bytes.length, bytes: record.bytes, number }, limits);
    },
    decide,
  };
};
