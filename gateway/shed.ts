import { setTimeout as sleep } from "node:timers/promises";
import { SHED_RETURN_MS, shedMs, type ShedOrder } from "#crds";
import { counter, type Log } from "#process";
import type { Registry } from "prom-client";
import { dueAt, mostPerSecond, type Closing, type SharedBudget } from "./drain/index.ts";

export interface SheddingOptions {
  draining: () => boolean;
  log: Log;
  registry: Registry;
  /** ms, monotonic */
  clock?: () => number;
  random?: () => number;
  wait?: (ms: number) => Promise<unknown>;
}

type Order = Pick<ShedOrder, "sessions" | "perSecond">;

export interface SheddingParts<T extends Closing> {
  /** The sessions whose clients would recover what they miss. */
  open: () => readonly T[];
  userOf: (session: T) => string | undefined;
  budget: Pick<SharedBudget, "want" | "tell" | "share">;
}

/** Sends some of a gateway's clients to the others. */
export interface Shedding<T extends Closing> extends AsyncDisposable {
  /**
   * Begins to close so many sessions at the transport, no faster than said and within the cluster's pace: of those that wait for no ack, at
   * random, of each user one before any has a second. False where it does so already, or the gateway drains.
   */
  begin(order: Order, parts: SheddingParts<T>): boolean;
  /** Closed since the process started. */
  total(): number;
  /** It does, or those that it sent away still look for another gateway. */
  isOn(): boolean;
}

const SENT_AWAY = "clients have been sent to gateways that have fewer";
const STEP_MS = 50;
const shuffled = <T>(items: readonly T[], random: () => number): T[] => {
  const all = items.map((item) => ({ item, at: random() }));
  return all.sort((a, b) => a.at - b.at).map(({ item }) => item);
};

/** At random, of each user one before any has a second. */
export const spread = <T>(
  sessions: readonly T[],
  userOf: (session: T) => string | undefined,
  random: () => number,
): T[] => {
  const turns = new Map<string, number>();
  const turnOf = (user: string | undefined) => {
    if (user === undefined) return 0;
    const turn = turns.get(user) ?? 0;
    turns.set(user, turn + 1);
    return turn;
  };
  const all = shuffled(sessions, random).map((session) => ({ session, turn: turnOf(userOf(session)) }));
  return all.sort((a, b) => a.turn - b.turn).map(({ session }) => session);
};

export const createShedding = <T extends Closing>({
  draining,
  log,
  registry,
  clock = () => performance.now(),
  random = Math.random,
  wait = sleep,
}: SheddingOptions): Shedding<T> => {
  const sheds = counter(registry, {
    name: "realtime_gateway_shed_total",
    help: "Connections that were closed so that their clients go to gateways that have fewer",
  });
  let underWay: Promise<void> | undefined;
  let disposed = false;
  let total = 0;
  let returnedAt = Number.NEGATIVE_INFINITY;

  /** When each was closed. */
  const run = async ({ sessions, perSecond }: Order, { open, userOf, budget }: SheddingParts<T>): Promise<number[]> => {
    const times: number[] = [];
    const end = clock() + shedMs({ sessions, perSecond });
    const ends = () => disposed || draining() || clock() >= end;
    let left = sessions;
    let queue = spread(open(), userOf, random);
    using claims = new DisposableStack();
    claims.use(budget.want(() => ({ left, leaving: false })));
    // Many gateways with little to close each do not all begin with one.
    let last = clock() + (random() * 1000) / perSecond;
    let rest = 1;
    for (;;) {
      budget.tell();
      await wait(STEP_MS * (0.5 + random()));
      if (left === 0 || queue.length === 0 || ends()) return times;
      const now = clock();
      if (now < last) continue;
      const due = dueAt(Math.min(perSecond, budget.share()), now - last, rest, left);
      ({ rest } = due);
      last = now;
      if (due.count === 0) continue;
      const here = new Set(open());
      queue = queue.filter((it) => here.has(it));
      const chosen = new Set(queue.filter(({ owed }) => owed === 0).slice(0, due.count));
      queue = queue.filter((it) => !chosen.has(it));
      for (const session of chosen) {
        session.close();
        times.push(now);
      }
      left -= chosen.size;
      sheds.inc(chosen.size);
      total += chosen.size;
      returnedAt = now + SHED_RETURN_MS;
    }
  };

  return {
    begin: (order, parts) => {
      if (underWay !== undefined || draining()) return false;
      returnedAt = clock() + SHED_RETURN_MS;
      const began = clock();
      underWay = run(order, parts).then((times) => {
        underWay = undefined;
        const { sessions } = order;
        const seconds = (clock() - began) / 1000;
        log.info({ sessions, closed: times.length, perSecond: mostPerSecond(times), seconds }, SENT_AWAY);
      });
      return true;
    },
    total: () => total,
    isOn: () => underWay !== undefined || clock() < returnedAt,
    async [Symbol.asyncDispose]() {
      disposed = true;
      await underWay;
    },
  };
};
