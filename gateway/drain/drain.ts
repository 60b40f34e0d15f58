import { setTimeout as delay } from "node:timers/promises";
import type { DrainPlan } from "#crds";
import type { SharedBudget } from "./budget.ts";
import { dueAt, mostPerSecond, paceWithin } from "./pace.ts";

/** A session, or a WebSocket that is carried for another gateway. */
export interface Closing {
  /** Acks that wait for the broker: those that have none go first. */
  owed: number;
  /** At the transport. */
  close(): void;
}

export type Pace = "budget" | "grace";

/** How a drain went: closed connections by their pace, the most of them within a second, and how long it took. */
export interface Drained extends Record<Pace, number> {
  perSecond: number;
  seconds: number;
}

export interface DrainParts {
  plan: DrainPlan;
  budget: Pick<SharedBudget, "want" | "tell" | "share" | "elsewhere">;
  open: () => readonly Closing[];
  /** What ends by itself, such as long polls of other gateways' sessions. */
  underway: () => number;
  /** When the last new session was asked for, by `clock`. */
  lastArrival: () => number;
  /** Takes no new sessions from now on. */
  refuse: () => void;
  /** Told of each connection that is closed: at the cluster's pace, or faster since the grace would not hold. */
  closed?: (pace: Pace) => void;
  /** ms, monotonic */
  clock?: () => number;
  random?: () => number;
  wait?: (ms: number) => Promise<unknown>;
}

const STEP_MS = 50;
/** Without a new session for so long, no entry sends any. */
const QUIET_MS = 1000;
/** Where there is no time to lose, what acks and long polls get. */
const HURRIED_MS = 2000;

/**
 * Sends all clients away, so that they come back to another gateway by themselves. Waits until no entry sends new ones and another gateway is
 * there; then closes all at the transport, those first that wait for no ack, at the cluster's pace or as the grace demands. Resolves when all
 * have gone, or the grace is over. When `hurry` is aborted, nobody is there to come back to: all are closed at once.
 */
export const drain = async (
  { plan, budget, open, underway, lastArrival, refuse, closed, ...chance }: DrainParts,
  hurry: AbortSignal,
): Promise<Drained> => {
  const { clock = () => performance.now(), random = Math.random, wait = delay } = chance;
  const started = clock();
  const asked = new Set<Closing>();
  const times: number[] = [];
  const counts = { budget: 0, grace: 0 };
  const end = (): Drained => {
    budget.tell(true);
    return { ...counts, perSecond: mostPerSecond(times), seconds: (clock() - started) / 1000 };
  };
  const waiting = () => open().filter((it) => !asked.has(it));
  budget.want(() => ({ left: waiting().length, leaving: true }));
  const step = () => {
    budget.tell();
    return wait(STEP_MS * (0.5 + random()));
  };

  const quietMs = Math.min(QUIET_MS, plan.settledMs / 2);
  const isSettled = () =>
    hurry.aborted ||
    open().length === 0 ||
    clock() - started >= plan.settledMs ||
    (clock() - Math.max(started, lastArrival()) >= quietMs && budget.elsewhere());
  while (!isSettled()) await step();
  refuse();

  let last = clock();
  let rest = 0;
  let hurriedAt: number | undefined;
  while (open().length > 0 || underway() > 0) {
    const now = clock();
    if (hurry.aborted) hurriedAt ??= now;
    const endMs = hurriedAt === undefined ? plan.endMs : Math.min(plan.endMs, hurriedAt + HURRIED_MS - started);
    const isLate = now - started >= Math.min(plan.closedMs, endMs);
    const left = waiting();
    const share = budget.share();
    const pace =
      hurriedAt === undefined
        ? paceWithin(share, left.length, plan.closedMs - (now - started))
        : Number.POSITIVE_INFINITY;
    const due = dueAt(pace, now - last, rest, left.length);
    ({ rest } = due);
    last = now;
    for (const session of left.filter(({ owed }) => isLate || owed === 0).slice(0, due.count)) {
      asked.add(session);
      session.close();
      times.push(now);
      const by = pace > share ? "grace" : "budget";
      counts[by] += 1;
      closed?.(by);
    }
    if (now - started >= endMs) return end();
    await step();
  }
  return end();
};
