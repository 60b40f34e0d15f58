import type { Death, QueueSettings } from "#crds";
import type { HeldJob, Outlet, Place, Taker } from "./held-job.ts";
import { createHeap } from "./heap.ts";
import { createKeys } from "./keys.ts";

/** How a run ended, as the port `Broker` says it. */
export type Settlement =
  | { kind: "done" }
  | { kind: "retry"; inMs: number; error: string }
  | { kind: "dead"; reason: Death["reason"]; error: string }
  | { kind: "release" }
  | { kind: "lost" };

interface QueueOptions {
  settings: QueueSettings;
  outlet: Outlet;
  /** ms since the epoch */
  now: () => number;
  /** While true nothing is handed out: jobs of an earlier hub, and who has them in hand, are still being told. */
  holding: () => boolean;
  /** Dead letters kept; the oldest go. */
  maxDead?: number;
}

/** One pool's jobs, and who takes them: a state machine without sockets and timers. */
export interface Queue {
  configure(settings: QueueSettings): void;
  settings(): QueueSettings;
  /** A job as it is: waiting, delayed until `dueAt`, dead, or handed to its `holder`. */
  add(job: HeldJob): void;
  /** A waiting or delayed job turns out to be in `taker`'s hand, as this attempt. */
  adopt(job: HeldJob, taker: Taker, attempt: number): void;
  /** Comes, or takes another number at once. */
  join(taker: Taker): void;
  /** Takes no more. */
  leave(taker: Taker): void;
  settle(taker: Taker, job: HeldJob, settlement: Settlement): void;
  /** Died with all that it had in hand. */
  lose(taker: Taker): void;
  /** A slot of `taker` that held no job of this queue is free again. */
  freed(taker: Taker): void;
  dispatch(): void;
  /** Looks at the clock: retries that are due, requests that are too old, takers that were paused. */
  tick(): void;
  /** When the next retry is due. */
  nextDue(): number | undefined;
  /** `blocked`: of those that are ready, those that no taker would be given now. Absent: none. */
  depth(): { ready: number; blocked?: number; unacked: number; dead: number };
  letters(limit: number): HeldJob[];
  redrive(ids: readonly string[] | undefined, order: () => number): number;
}

export const createQueue = (options: QueueOptions): Queue => {
  const { outlet, now, holding, maxDead = 10_000 } = options;
  let { settings } = options;
  const runnable = createHeap<Place>((a, b) => (a.front === b.front ? a.order < b.order : a.front));
  const delayed = createHeap<{ dueAt: number; job: HeldJob }>((a, b) => a.dueAt < b.dueAt);
  const dead = new Map<string, HeldJob>();
  const keys = createKeys();
  /** Those with a free slot, who waited longest first. */
  const available = new Set<Taker>();
  const paused = new Set<Taker>();
  let ready = 0;
  /** Of these, those that have a place. */
  let listed = 0;
  let unacked = 0;

  const list = (job: HeldJob | undefined) => {
    if (job?.state !== "waiting" || job.place !== undefined || !keys.mayRun(job)) return;
    job.place = { job, front: job.front, order: job.order };
    listed += 1;
    runnable.push(job.place);
  };
  const unlist = (job: HeldJob) => {
    if (job.place !== undefined) listed -= 1;
    job.place = undefined;
  };
  const listHead = (key: string | undefined) => {
    if (key !== undefined) list(keys.head(key));
  };
  const wait = (job: HeldJob, inMs = 0) => {
    ready += 1;
    job.holder = undefined;
    unlist(job);
    keys.enter(job);
    if (inMs > 0) {
      job.state = "delayed";
      job.dueAt = now() + inMs;
      delayed.push({ dueAt: job.dueAt, job });
    } else {
      job.state = "waiting";
      if (settings.mode === "request" && job.dueAt === 0) job.dueAt = now() + settings.timeoutMs;
      list(job);
    }
    listHead(job.key);
  };
  const unwait = (job: HeldJob, busy: boolean) => {
    ready -= 1;
    unlist(job);
    keys.leave(job, busy);
  };
  const bury = (job: HeldJob, death: Death) => {
    job.state = "dead";
    job.death = death;
    job.holder = undefined;
    dead.set(job.uid, job);
    outlet.died(job);
    for (const oldest of dead.size > maxDead ? dead.values() : []) {
      dead.delete(oldest.uid);
      outlet.finished(oldest);
      break;
    }
  };

  /** The first that may run, off the heap; requests that are too old are dropped on the way. */
  const next = (): HeldJob | undefined => {
    for (;;) {
      const place = runnable.peek();
      if (place === undefined) return undefined;
      const { job } = place;
      const valid = job.place === place && keys.mayRun(job);
      const late = valid && settings.mode === "request" && job.dueAt <= now();
      if (valid && !late) return job;
      runnable.pop();
      if (job.place === place) unlist(job);
      if (late) {
        unwait(job, false);
        outlet.finished(job);
        listHead(job.key);
      }
    }
  };
  const slot = (taker: Taker) => {
    if (taker.hands.size < taker.concurrency && !taker.paused) available.add(taker);
    else available.delete(taker);
  };
  const give = (job: HeldJob, taker: Taker) => {
    unwait(job, true);
    unacked += 1;
    job.state = "handed";
    job.holder = taker;
    taker.hands.set(job.uid, job);
  };
  /** Out of its taker's hand, its key free; where it goes comes next. */
  const comeBack = (job: HeldJob, taker: Taker) => {
    unacked -= 1;
    taker.hands.delete(job.uid);
    taker.paused = false;
    paused.delete(taker);
    job.holder = undefined;
    keys.free(job);
  };
  const forget = (job: HeldJob) => {
    outlet.finished(job);
    listHead(job.key);
  };

  /** Its worker is gone. */
  const orphaned = (job: HeldJob) => {
    if (settings.mode === "request") forget(job);
    else if (job.attempt >= settings.attempts) {
      bury(job, { reason: "lost", error: "its worker died", at: now() });
      listHead(job.key);
    } else {
      job.front = true;
      job.attempt += 1;
      wait(job);
      outlet.again(job, 0);
    }
  };

  const dispatch = () => {
    if (holding()) return;
    for (let taker = first(available); taker !== undefined; taker = first(available)) {
      const job = next();
      if (job === undefined) return;
      runnable.pop();
      give(job, taker);
      available.delete(taker);
      if (!outlet.hand(taker, job)) {
        comeBack(job, taker);
        job.front = true;
        wait(job);
        taker.paused = true;
        paused.add(taker);
      }
      slot(taker);
    }
  };

  return {
    configure: (changed) => void (settings = changed),
    settings: () => settings,
    add: (job) => {
      const { holder } = job;
      if (job.state === "dead") dead.set(job.uid, job);
      else if (holder !== undefined) {
        wait(job);
        give(job, holder);
        slot(holder);
      } else wait(job, job.state === "delayed" ? job.dueAt - now() : 0);
    },
    adopt: (job, taker, attempt) => {
      job.attempt = attempt;
      give(job, taker);
      slot(taker);
    },
    join: slot,
    leave: (taker) => {
      taker.concurrency = 0;
      slot(taker);
    },
    settle: (taker, job, settlement) => {
      comeBack(job, taker);
      if (settlement.kind === "release") {
        job.front = true;
        wait(job);
      } else if (settlement.kind === "lost") orphaned(job);
      else if (settlement.kind === "done" || settings.mode === "request") forget(job);
      else if (settlement.kind === "retry") {
        job.front = false;
        job.attempt += 1;
        wait(job, settlement.inMs);
        outlet.again(job, settlement.inMs);
      } else {
        bury(job, { reason: settlement.reason, error: settlement.error, at: now() });
        listHead(job.key);
      }
      slot(taker);
      dispatch();
    },
    lose: (taker) => {
      taker.concurrency = 0;
      for (const job of taker.hands.values()) {
        if (job === undefined) continue;
        comeBack(job, taker);
        orphaned(job);
      }
      taker.hands.clear();
      available.delete(taker);
      paused.delete(taker);
      dispatch();
    },
    freed: (taker) => {
      slot(taker);
      dispatch();
    },
    dispatch,
    tick: () => {
      const time = now();
      for (let due = delayed.peek(); due !== undefined && due.dueAt <= time; due = delayed.peek()) {
        delayed.pop();
        const { job } = due;
        if (job.state !== "delayed" || job.dueAt !== due.dueAt) continue;
        job.state = "waiting";
        job.dueAt = 0;
        list(job);
      }
      for (const taker of paused) {
        taker.paused = false;
        slot(taker);
      }
      paused.clear();
      next();
      dispatch();
    },
    nextDue: () => delayed.peek()?.dueAt,
    depth: () => {
      next();
      const blocked = ready - listed;
      return { ready, ...(blocked > 0 ? { blocked } : {}), unacked, dead: dead.size };
    },
    letters: (limit) => [...dead.values()].slice(0, limit),
    redrive: (ids, order) => {
      const wanted = ids === undefined ? undefined : new Set(ids);
      const back = [...dead.values()].filter(({ id }) => wanted === undefined || wanted.has(id));
      for (const job of back) {
        dead.delete(job.uid);
        job.death = undefined;
        job.attempt = 1;
        job.front = false;
        job.order = order();
        wait(job);
        outlet.again(job, 0);
      }
      dispatch();
      return back.length;
    },
  };
};

const first = <T>(items: Iterable<T>): T | undefined => {
  for (const item of items) return item;
  return undefined;
};
