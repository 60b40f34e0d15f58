import { randomBytes } from "node:crypto";
import { Refusal } from "#crds";
import type { Link } from "#link";
import type { Log as Logger } from "#process";
import { handOver } from "../log/hand-over.ts";
import type { LogMetrics } from "../log/metrics.ts";
import { createPending } from "../log/pending.ts";
import type { LogEntry, LogFollower, LogLimits, OpenLog, Place } from "../log/port.ts";
import { createPast } from "./past.ts";

/** What was taken in and not said: told to the hub after so many entries or bytes. */
const TELL_MESSAGES = 500;
const TELL_BYTES = 2 << 20;
/** Of what is handed over to a hub that has lost it, in one go. */
const GIVE_BYTES = 1 << 20;
const GIVE_MESSAGES = 1000;

interface Follow {
  follower: LogFollower;
  /** Where to follow from after a reconnect. */
  from: Place | "oldest" | "newest";
  place: Place;
  /** The end at the moment of the first follow. */
  head: number | undefined;
  caughtUp: PromiseWithResolvers<void>;
}

const unavailable = (why: string): Refusal => new Refusal("delivery_unavailable", undefined, { cause: new Error(why) });

export interface LinkLogOptions {
  cluster: string;
  limits: LogLimits;
  metrics: LogMetrics;
  log: Logger;
  /** Of this line, also after reconnects. */
  id?: string;
}

/** The Log over a line to the hub's log service, which says what it understands. One follower per line. */
export const linkLog = (link: Link, options: LinkLogOptions): OpenLog & { opened: Promise<void> } => {
  const { cluster, limits, metrics, log, id = randomBytes(9).toString("base64url") } = options;
  const pending = createPending(metrics);
  const past = createPast();
  let follow: Follow | undefined;
  let batch: LogEntry[] = [];
  let untold = 0;
  let untoldBytes = 0;
  let isOpen = false;
  const opened = Promise.withResolvers<void>();

  const askToFollow = () => {
    if (follow === undefined) return;
    const { from } = follow;
    untold = untoldBytes = 0;
    link.send(typeof from === "string" ? ["follow", from] : ["follow", from.epoch, from.index]);
  };
  /** What the follower still has of the history that the past is of. */
  const kept = () => (follow?.place.epoch === past.epoch() ? follow.follower.kept?.() : undefined);
  const open = () => {
    const told = past.told();
    const tail = kept();
    const former = told && { ...told, ...(tail && { tail: { floor: tail.floor, last: tail.last } }) };
    link.send(["open", { cluster, id, limits, former }]);
  };
  const give = (after: number) => {
    let messages = 0;
    let size = 0;
    for (const { index, bytes } of kept()?.after(after) ?? []) {
      messages += 1;
      size += bytes.length;
      link.send(["kept", index], bytes);
      if (messages >= GIVE_MESSAGES || size >= GIVE_BYTES) break;
    }
    link.send(["given"]);
  };
  const flush = () => {
    const entries = batch;
    batch = [];
    if (follow === undefined || entries.length === 0) return;
    const { index } = entries.at(-1) ?? { index: 0 };
    follow.place = { epoch: follow.place.epoch, index };
    follow.from = follow.place;
    past.knows(index);
    handOver(() => follow?.follower.entries(follow.place.epoch, entries), metrics, log);
    untold += entries.length;
    untoldBytes += entries.reduce((sum, { bytes }) => sum + bytes.length, 0);
    if (untold >= TELL_MESSAGES || untoldBytes >= TELL_BYTES) {
      untold = untoldBytes = 0;
      link.send(["taken", index]);
    }
    reach();
  };
  const reach = () => {
    if (follow?.head !== undefined && follow.place.index >= follow.head) follow.caughtUp.resolve();
  };
  const take = (index: number, body: Uint8Array) => {
    if (batch.length === 0) queueMicrotask(flush);
    batch.push({ index, bytes: body });
  };
  const begin = (epoch: string, index: number, isCut: boolean) => {
    flush();
    if (follow === undefined) return;
    follow.place = { epoch, index };
    follow.from = follow.place;
    past.knows(index);
    if (!isCut) return;
    metrics.cut();
    handOver(() => follow?.follower.cut({ epoch, index }), metrics, log);
  };
  link.onMessage((header, body) => {
    if (!Array.isArray(header)) return;
    const [kind, first, second, third]: unknown[] = header;
    switch (kind) {
      case "e":
        return take(Number(first), body);
      case "appended":
        past.knows(Number(second));
        return pending.done({ epoch: past.epoch(), index: Number(second) });
      case "from":
        return begin(String(first), Number(second), third === true);
      case "head":
        if (follow !== undefined) follow.head ??= Number(first);
        return reach();
      case "opened":
        flush();
        past.opened(String(first), Number(second), Array.isArray(third) ? third.map(String) : []);
        isOpen = true;
        opened.resolve();
        return askToFollow();
      case "joined":
        return past.joined(String(first));
      case "left":
        return past.left(String(first), Number(second));
      case "give":
        return give(Number(first));
    }
  });
  link.onDown(() => {
    isOpen = false;
    flush();
    pending.fail(unavailable("the hub went away"));
  });
  link.onUp(open);
  open();

  return {
    opened: opened.promise,
    append: (bytes) => {
      if (!isOpen || !pending.hasRoom())
        return pending.refuse(unavailable(isOpen ? "too much waits" : "the hub is away, or its log not open yet"));
      const appended = pending.add(bytes.length);
      if (!link.send(["append", pending.last()], bytes)) pending.drop(unavailable("the line to the hub is full"));
      return appended;
    },
    follow: async (from, follower) => {
      if (follow !== undefined) throw new Error("one follower per line");
      const own: Follow = {
        follower,
        from,
        place: typeof from === "string" ? { epoch: "", index: 0 } : from,
        head: undefined,
        caughtUp: Promise.withResolvers(),
      };
      follow = own;
      if (isOpen) askToFollow();
      await own.caughtUp.promise;
      return { place: () => own.place, [Symbol.asyncDispose]: async () => void (follow = undefined) };
    },
    connected: () => isOpen,
    [Symbol.asyncDispose]: async () => {
      pending.fail(unavailable("the log is closed"));
      follow?.caughtUp.reject(unavailable("the log is closed"));
    },
  };
};
