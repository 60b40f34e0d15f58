import { counter, type Log as Logger } from "#process";
import type { Registry } from "prom-client";
import type { RoomMessage } from "../cluster-message.ts";
import type { Following, KeptTail, LogEntry, LogLimits, OpenLog, Place } from "../log/port.ts";
import { decodeEntry, encodeAgain, encodeEntry, latin1, type Control, type Entry } from "./entry.ts";
import type { Marks } from "./marks.ts";
import { createProgram, type Program } from "./program.ts";
import { Tail } from "./tail.ts";

/** Something that this process said. */
export interface Saying {
  readonly number: number;
  /** The Log gave it back. */
  landed: boolean;
  /** Resolves when the Log has it; rejects with the Refusal `delivery_unavailable` where nobody knows. */
  readonly taken: Promise<Place>;
}

/** Who acts on what stands in the Log. */
export interface Reader {
  land(entry: Entry): void;
  /** When all have acted on it. */
  landedEach?(): void;
  /** After each batch. */
  landedAll(): void;
  /** What came before `to` may have been missed, by everyone here. `since`: ms since the epoch. */
  cut(to: Place, since: number): void;
}

/** The Log as one process sees it: its newest entries, read, and the order of what the process says itself. */
export interface Plane extends AsyncDisposable {
  readonly program: Program;
  readonly tail: Tail;
  place(): Place;
  connected(): boolean;
  /** Of the last `mark` of each node in the tail. */
  marks(): Marks;
  /** Where the Log's server is away or too much waits it is refused, and counted. */
  say(it: { nsp: string; message: RoomMessage } | Control): Saying;
  add(reader: Reader): Disposable;
  /** Follows from now on: `oldest` fills the tail. Resolves when all that is there has been read. */
  start(from: "oldest" | "newest"): Promise<void>;
  /** Resolves when all that was said so far is in the Log, and where; rejects with the Refusal where that is not known. */
  confirmed(): Promise<Place | undefined>;
}

export interface PlaneOptions {
  openedLog: OpenLog;
  limits: LogLimits;
  sender: Uint8Array;
  log: Logger;
  registry: Registry;
  clock?: () => number;
}

export const createPlane = ({ openedLog, limits, sender, log, registry, clock = Date.now }: PlaneOptions): Plane => {
  const late = counter(registry, {
    name: "realtime_log_late_total",
    help: "What waited for the log for 5 s in vain, and went out without it: it may have come before what it was to follow.",
  });
  const malformed = counter(registry, {
    name: "realtime_log_malformed_total",
    help: "Entries of the log that could not be read or handled.",
  });
  const program = createProgram({ late: (acts) => late.inc(acts) });
  let marks: Marks = { epoch: "", upTo: new Map() };
  const tail = new Tail(({ message, index }) => {
    if (message.kind !== "mark" || (marks.upTo.get(message.node) ?? Infinity) > index) return;
    const upTo = new Map(marks.upTo);
    upTo.delete(message.node);
    marks = { ...marks, upTo };
  });
  const readers = new Set<Reader>();
  const sayings = new Map<number, Saying>();
  let place: Place = { epoch: "", index: 0 };
  let heardAt = clock();
  let following: Promise<Following> | undefined;
  let lastSaid: Saying | undefined;

  const guarded = (act: () => void) => {
    try {
      act();
    } catch (error) {
      malformed.inc();
      log.warn({ err: error }, "an entry of the log could not be handled");
    }
  };
  const own = latin1(sender);
  const land = (entry: Entry) => {
    tail.push(entry, limits);
    if (entry.message.kind === "mark")
      marks = { epoch: place.epoch, upTo: new Map(marks.upTo).set(entry.message.node, entry.message.upTo) };
    const said = entry.sender === own ? sayings.get(entry.number) : undefined;
    if (said !== undefined) said.landed = true;
    program.now(() => {
      for (const reader of readers) guarded(() => reader.land(entry));
    });
    if (entry.sender === own) program.landed(entry.number);
    for (const reader of readers) if (reader.landedEach !== undefined) guarded(() => reader.landedEach?.());
  };
  const take = (epoch: string, entries: readonly LogEntry[]) => {
    heardAt = clock();
    if (place.epoch === "") tail.clear((entries[0]?.index ?? 1) - 1);
    for (const it of entries) {
      place = { epoch, index: it.index };
      guarded(() => land(decodeEntry(it)));
    }
    for (const reader of readers) guarded(() => reader.landedAll());
  };
  const cut = (to: Place) => {
    place = to;
    tail.clear(to.index);
    marks = { epoch: to.epoch, upTo: new Map() };
    for (const reader of readers) guarded(() => reader.cut(to, heardAt));
    program.giveUp();
    heardAt = clock();
  };
  const kept = (): KeptTail => ({
    floor: tail.floor,
    last: tail.last,
    after: (index) => tail.after(index).map(encodeAgain),
  });
  return {
    program,
    tail,
    place: () => place,
    connected: () => openedLog.connected(),
    marks: () => marks,
    say: (it) => {
      const number = program.next();
      const taken = openedLog.append(encodeEntry(sender, number, it));
      const saying: Saying = { number, landed: false, taken };
      sayings.set(number, saying);
      lastSaid = saying;
      program.afterLast(() => void sayings.delete(number));
      taken.catch(() => program.failed(number));
      return saying;
    },
    add: (reader) => {
      readers.add(reader);
      return { [Symbol.dispose]: () => void readers.delete(reader) };
    },
    start: async (from) => {
      following ??= openedLog.follow(from, { entries: take, cut, kept });
      const { place: reached } = await following;
      if (place.epoch === "") {
        place = reached();
        tail.clear(place.index);
      }
    },
    confirmed: async () => lastSaid?.taken,
    [Symbol.asyncDispose]: async () => {
      await (await following?.catch(() => undefined))?.[Symbol.asyncDispose]();
      await openedLog[Symbol.asyncDispose]();
    },
  };
};
