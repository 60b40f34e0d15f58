import type { Bus, EmitContext, Emitter } from "#adapter";
import type { Delivery, Outcome } from "#broker";
import type { Job, Pool, WorkerReport } from "#crds";
import type { Log } from "#process";
import type { Ledger, LedgerEntry } from "#store";
import { isReject, Reject } from "./reject.ts";
import { Attempt } from "./attempt.ts";
import type { Cancels } from "./cancels.ts";
import type { HandlerOf } from "./context.ts";
import { createContext } from "./create-context.ts";
import { createDeadlines } from "./deadlines.ts";
import { decide, type Ended, type Verdict } from "./decide.ts";
import type { WorkerMetrics } from "./metrics.ts";
import { listenerOf, tell } from "./tell.ts";
import { createThrottle } from "./throttle.ts";

const PROGRESS_EVERY_MS = 100;

/** Runs the jobs of one pool. */
export interface Runner extends Disposable {
  /** Never rejects. */
  run(delivery: Delivery): Promise<Outcome>;
  /** Aborts the running attempt of the job of that key. */
  cancel(key: string): void;
  /** Resolves when nothing is in hand. */
  idle(): Promise<void>;
  /** Aborts what is in hand; its outcome is then `release`. */
  release(): void;
  /** Who ran what is in hand is gone: its outcome is then `lost`. */
  lose(): void;
  report(): WorkerReport;
}

export interface RunnerOptions {
  pool: Pool;
  node: string;
  handlerOf: HandlerOf;
  bus: Pick<Bus, "publish">;
  emitter: (context: EmitContext) => Emitter;
  ledger: Pick<Ledger, "get" | "cancelRequested">;
  /** Takes an entry for the ledger; returns at once. */
  record: (entry: LedgerEntry) => void;
  cancels: Cancels;
  metrics: WorkerMetrics;
  log: Log;
  now?: () => number;
}

/** Runs one handler per job within the pool's time and tells, in this order: its emits, its result, the broker. */
export const createRunner = (options: RunnerOptions): Runner => {
  const { pool, node, handlerOf, bus, emitter, ledger, record, cancels, metrics, log, now = Date.now } = options;
  const publish = (topic: string, message: Uint8Array) => bus.publish(topic, message);
  const inHand = new Set<Attempt>();
  const idling = new Set<() => void>();
  let done = 0;
  let failed = 0;

  const deadlines = createDeadlines<Attempt>(pool.timeoutSeconds * 1000, (it) =>
    it.abort("timeout", `The attempt's ${pool.timeoutSeconds} s are over`),
  );
  const progress = createThrottle<Attempt, number>(PROGRESS_EVERY_MS, (it, value) => {
    note(it, "running", { progress: value });
    const listener = listenerOf(it.job);
    if (listener !== undefined) it.emitter.toUser(listener).emit("job:progress", { id: it.job.id, progress: value });
  });

  const note = ({ job, attempt, since }: Attempt, state: LedgerEntry["state"], more: Partial<LedgerEntry> = {}) => {
    if (job.mode !== "job") return;
    const { id, user, event, at } = job;
    record({ id, user, pool: pool.name, event, state, attempt, worker: node, queuedAt: at, startedAt: since, ...more });
  };

  /** What the ledger knows against running it; undefined where it need not be asked. When the store is away, the job runs. */
  const objection = (it: Attempt): Promise<Ended | undefined> | undefined => {
    const { job, attempt } = it;
    if (job.mode !== "job") return undefined;
    const unsure = cancels.unsure({ at: job.at, attempt });
    const repeated = job.given === true || attempt > 1;
    return unsure || repeated ? askLedger(job, unsure, repeated) : undefined;
  };
  const askLedger = async ({ user, id }: Job, unsure: boolean, repeated: boolean): Promise<Ended | undefined> => {
    try {
      const [cancelled, entry] = await Promise.all([
        unsure && ledger.cancelRequested(user, id),
        repeated ? ledger.get(user, id) : undefined,
      ]);
      if (entry?.state === "done" || entry?.state === "cancelled") return { how: "repeated" };
      return cancelled ? { how: "aborted", why: "cancelled" } : undefined;
    } catch (error) {
      log.debug({ err: error, job: id }, "the ledger does not answer: run without having asked it");
      return undefined;
    }
  };

  const start = (it: Attempt) => {
    const handler = handlerOf(it.job.event);
    if (handler === undefined)
      return it.end({ how: "thrown", error: new Reject(`${it.job.event} has no handler in the pool ${pool.name}`) });
    deadlines.start(it);
    note(it, "running");
    const report = (value: number) => {
      if (it.over) return;
      it.progress = value;
      progress.offer(it, value);
    };
    try {
      Promise.resolve(handler(it.job.payload, createContext(it, { log, progress: report }))).then(
        (result: unknown) => it.end({ how: "returned", result }),
        (error: unknown) => it.end({ how: "thrown", error }),
      );
    } catch (error) {
      it.end({ how: "thrown", error });
    }
  };

  const conclude = (it: Attempt, ended: Ended): Verdict => {
    const { job, attempt } = it;
    const verdict = decide(ended, { pool, mode: job.mode, attempt });
    try {
      tell(it, verdict, publish);
      return verdict;
    } catch (error) {
      log.error({ err: error, job: job.id, event: job.event }, "the result of a job cannot be sent");
      const unsent = decide(
        { how: "thrown", error: new Reject(`Its result cannot be sent: ${String(error)}`) },
        { pool, mode: job.mode, attempt },
      );
      tell(it, unsent, publish);
      return unsent;
    }
  };

  const logEnd = ({ job, attempt }: Attempt, ended: Ended) => {
    const about = { job: job.id, event: job.event, attempt };
    if (ended.how === "aborted") log.info({ ...about, why: ended.why }, "an attempt was aborted");
    else if (ended.how === "thrown" && isReject(ended.error))
      log.info({ ...about, why: ended.error.message }, "a handler rejected a job");
    else if (ended.how === "thrown") log.warn({ ...about, err: ended.error }, "a handler threw");
  };

  const settle = (it: Attempt, ended: Ended): Outcome => {
    deadlines.end(it);
    progress.end(it);
    if (ended.how !== "returned") logEnd(it, ended);
    const { outcome, state, label, result, error } = conclude(it, ended);
    const at = now();
    if (state === "retrying") note(it, state, { error });
    else if (state !== undefined) note(it, state, { result, error, endedAt: at });
    if (state === "done") done++;
    else if (state === "failed") failed++;
    metrics.ended(label, (at - it.since) / 1000);
    return outcome;
  };

  const drop = (it: Attempt) => {
    inHand.delete(it);
    if (inHand.size > 0) return;
    for (const resolve of idling) resolve();
    idling.clear();
  };

  return {
    run: async (delivery) => {
      const it = new Attempt(delivery, now(), emitter);
      inHand.add(it);
      metrics.started();
      try {
        if (cancels.has(it.key)) it.cancel();
        const asked = objection(it);
        const against = asked === undefined ? undefined : await asked;
        if (against !== undefined) it.end(against);
        if (!it.over) start(it);
        return settle(it, await it.ended);
      } catch (error) {
        log.error({ err: error, job: it.job.id }, "a job could not be settled: it is handed back");
        metrics.ended("released", 0);
        return { kind: "release" };
      } finally {
        drop(it);
      }
    },
    cancel: (key) => {
      for (const it of inHand) if (it.key === key) it.cancel();
    },
    idle: () => (inHand.size === 0 ? Promise.resolve() : new Promise((resolve) => void idling.add(resolve))),
    release: () => {
      for (const it of inHand) it.abort("stopping", "The worker stops");
    },
    lose: () => {
      for (const it of inHand) it.abort("lost", "The worker is gone");
    },
    report: () => ({ node, pool: pool.name, inHand: [...inHand].map((it) => it.report()), done, failed }),
    [Symbol.dispose]: () => {
      deadlines[Symbol.dispose]();
      progress[Symbol.dispose]();
    },
  };
};
