import { z } from "zod";
import { listeners, type Log } from "#process";
import type { Bus } from "./port.ts";
import { createRoster, createSilence } from "./roster.ts";

/** How heartbeats are timed; tests shorten it. */
export interface HeartbeatTiming {
  /** Between two of ours, ± 20 %. */
  everyMs?: number;
  /** Silence after which a node counts as gone. */
  silentMs?: number;
  /** ms, monotonic */
  clock?: () => number;
  random?: () => number;
}

interface HeartbeatOptions<T> extends HeartbeatTiming {
  bus: Bus;
  topic: string;
  node: string;
  schema: z.ZodType<T>;
  /** What the others are told of this node; looked at for each beat. */
  about: () => T;
  log: Log;
}

/** Nodes that tell each other on one topic that they are there. */
export interface Heartbeats<T> extends AsyncDisposable {
  /** All but this one. */
  others(): [node: string, about: T][];
  /** Who of `nodes` does not answer within `ms`; nobody while the Bus is down, for then nothing is known. */
  silent(nodes: readonly string[], ms: number): Promise<string[]>;
  /** Tells the others at once. */
  announce(): void;
  onJoin(listener: (node: string, about: T) => void): Disposable;
  onLeave(listener: (node: string, about: T, goodbye: boolean) => void): Disposable;
}

/** `<instance>-<random>` without what each start makes anew. */
const instanceOf = (node: string): string => (node.includes("-") ? node.slice(0, node.lastIndexOf("-")) : node);

/** Starts to tell and to hear. Whoever hears a hello answers within 100 ms, so that a newcomer soon knows everyone. */
export const startHeartbeats = async <T>(options: HeartbeatOptions<T>): Promise<Heartbeats<T>> => {
  const { bus, topic, node, about, log } = options;
  const { everyMs = 3000, silentMs = 15_000, clock = () => performance.now(), random = Math.random } = options;
  const beat = z.object({
    v: z.literal(1),
    node: z.string(),
    what: z.enum(["hello", "here", "bye"]),
    about: options.schema,
  });
  const tickMs = everyMs / 3;
  const roster = createRoster<T>();
  const silence = createSilence(2 * tickMs);
  const joined = listeners<[string, T]>();
  const left = listeners<[string, T, boolean]>();
  const asked = new Set<{ missing: Set<string>; answered: () => void }>();
  let disposed = false;

  const say = (what: "hello" | "here" | "bye") =>
    bus.publish(topic, Buffer.from(JSON.stringify({ v: 1, node, what, about: about() })));
  let nextAt = 0;
  let next: NodeJS.Timeout | undefined;
  const within = (ms: number) => {
    if (disposed || (next !== undefined && nextAt <= clock() + ms)) return;
    clearTimeout(next);
    nextAt = clock() + ms;
    next = setTimeout(() => {
      next = undefined;
      say("here");
      within(everyMs * (0.8 + 0.4 * random()));
    }, ms).unref();
  };
  const hear = (message: Uint8Array) => {
    const it = beat.parse(JSON.parse(Buffer.from(message).toString("utf8")));
    if (it.node === node) return;
    for (const { missing, answered } of asked) if (missing.delete(it.node) && missing.size === 0) answered();
    if (it.what === "bye") {
      const gone = roster.leave(it.node);
      if (gone !== undefined) left.call(it.node, gone, true);
      return;
    }
    if (roster.hear(it.node, it.about, silence.at())) joined.call(it.node, it.about);
    if (it.what === "hello") within(100 * random());
  };
  const look = () => {
    const { at, back: busIsBack } = silence.look(clock(), bus.connected());
    if (busIsBack) {
      roster.excuse(at);
      say("hello");
    }
    for (const [gone, was] of roster.silent(at, silentMs)) {
      const back = [node, ...roster.entries.keys()].some((other) => instanceOf(other) === instanceOf(gone));
      if (back) log.info({ node: gone, topic }, "a previous start of an instance that is back fell silent");
      else log.warn({ node: gone, topic }, "fell silent");
      left.call(gone, was, false);
    }
  };

  const subscription = await bus.subscribe(topic, hear);
  say("hello");
  within(everyMs * random());
  const ticks = setInterval(look, tickMs).unref();
  return {
    others: () => [...roster.entries].map(([other, entry]) => [other, entry.about]),
    silent: async (nodes, ms) => {
      const missing = new Set(nodes.filter((other) => other !== node));
      if (missing.size === 0) return [];
      const { promise, resolve } = Promise.withResolvers<void>();
      const question = { missing, answered: resolve };
      asked.add(question);
      const timer = setTimeout(resolve, ms).unref();
      say("hello");
      await promise;
      clearTimeout(timer);
      asked.delete(question);
      return bus.connected() ? [...missing] : [];
    },
    announce: () => {
      if (!disposed) say("here");
    },
    onJoin: joined.add,
    onLeave: left.add,
    [Symbol.asyncDispose]: async () => {
      if (disposed) return;
      disposed = true;
      clearInterval(ticks);
      clearTimeout(next);
      say("bye");
      await subscription[Symbol.asyncDispose]();
    },
  };
};
