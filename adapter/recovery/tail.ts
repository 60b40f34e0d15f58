import { Ring } from "#process";
import type { LogLimits } from "../log/port.ts";
import type { Entry } from "./entry.ts";

const NO_LIMITS: LogLimits = { maxMessages: Infinity, maxBytes: Infinity };
/** Stands for all rooms: what is said to everyone. */
const EVERYONE = "";

const roomsOf = ({ message }: Entry): Iterable<string> => {
  if (!("to" in message)) return [];
  return message.to.rooms.size === 0 ? [EVERYONE] : message.to.rooms;
};

/** The newest entries of the Log, read, and which of them are for a room: whoever comes back reads those of its rooms, and no others. */
export class Tail {
  readonly #all: Ring<Entry>;
  /** By namespace and room. Most rooms have one, a socket's own join. */
  readonly #byRoom = new Map<string, Map<string, Entry | Ring<Entry>>>();

  constructor(dropped: (entry: Entry) => void) {
    this.#all = new Ring<Entry>(0, (entry) => {
      this.#forget(entry);
      dropped(entry);
    });
  }

  /** The index behind which everything is here. */
  get floor(): number {
    return this.#all.floor;
  }
  /** Of the newest entry. */
  get last(): number {
    return this.#all.last;
  }

  push(entry: Entry, limits: LogLimits): void {
    this.#note(entry);
    this.#all.push(entry, limits);
  }

  /** Drops all, and begins anew behind `floor`. */
  clear(floor: number): void {
    this.#all.clear(floor);
  }

  /** The entries behind `index`, oldest first. */
  after(index: number): Generator<Entry, void> {
    return this.#all.after(index);
  }

  /** The first `limit` entries behind `index` that are for everyone in the namespace, or for one of the rooms; oldest first. */
  said(nsp: string, rooms: Iterable<string>, index: number, limit: number): Entry[] {
    const byRoom = this.#byRoom.get(nsp);
    if (byRoom === undefined) return [];
    const found = new Set<Entry>();
    for (const room of [EVERYONE, ...rooms]) {
      const some = byRoom.get(room);
      if (some instanceof Ring) for (const entry of some.after(index).take(limit)) found.add(entry);
      else if (some !== undefined && some.index > index) found.add(some);
    }
    return [...found].sort((a, b) => a.index - b.index).slice(0, limit);
  }

  #note(entry: Entry): void {
    for (const room of roomsOf(entry)) {
      const nsp = entry.nsp ?? "";
      const byRoom = this.#byRoom.get(nsp) ?? new Map<string, Entry | Ring<Entry>>();
      this.#byRoom.set(nsp, byRoom);
      const some = byRoom.get(room);
      if (some === undefined) byRoom.set(room, entry);
      else if (some instanceof Ring) some.push(entry, NO_LIMITS);
      else {
        const ring = new Ring<Entry>();
        ring.push(some, NO_LIMITS);
        ring.push(entry, NO_LIMITS);
        byRoom.set(room, ring);
      }
    }
  }

  /** The oldest of all, and so of each of its rooms. */
  #forget(entry: Entry): void {
    const byRoom = this.#byRoom.get(entry.nsp ?? "");
    for (const room of roomsOf(entry)) {
      const some = byRoom?.get(room);
      if (some instanceof Ring && some.length > 1) some.shift();
      else byRoom?.delete(room);
    }
  }
}
