import type { Emitter, EmitContext } from "#adapter";
import { jobKey, type Job, type Pool } from "#crds";
import { silentLog } from "#process";
import type { LedgerEntry } from "#store";
import { Registry } from "prom-client";
import type { Handler } from "../sdk/handlers.ts";
import { createCancels } from "../runtime/cancels.ts";
import { lookup } from "../runtime/load.ts";
import { createMetrics } from "../runtime/metrics.ts";
import { createRunner, type Runner } from "../runtime/run.ts";

/** What was said, in order: `u:<user>`, `c:<channel>`, `*` or a Bus topic. */
export interface Said {
  to: string;
  event?: string;
  data: unknown;
  context?: EmitContext;
}

/** A runner with everything around it in memory. */
export interface Stage extends Disposable {
  runner: Runner;
  said: Said[];
  recorded: LedgerEntry[];
  registry: Registry;
  /** What the ledger answers. */
  known: Map<string, LedgerEntry>;
  cancelled: Set<string>;
  /** How often the ledger was asked. */
  asked: () => number;
  /** Says to the worker that a job is cancelled. */
  announceCancel(key: string): void;
}

export const POOL: Pool = {
  name: "chat",
  events: ["chat:*"],
  mode: "job",
  orderBy: "none",
  concurrency: 20,
  timeoutSeconds: 30,
  retry: { attempts: 3, backoffSeconds: 1, maxBackoffSeconds: 60 },
};

/** A job that was sent long after the stage was set. */
export const aJob = (more: Partial<Job> = {}): Job => ({
  v: 1,
  id: "1",
  event: "chat:message",
  payload: { text: "hi" },
  user: "ada",
  mode: "job",
  at: Date.now() + 60_000,
  ...more,
});

export const setStage = (
  handlers: Record<string, Handler>,
  { pool = {}, ledgerAway = false }: { pool?: Partial<Pool>; ledgerAway?: boolean } = {},
): Stage => {
  const said: Said[] = [];
  const recorded: LedgerEntry[] = [];
  const known = new Map<string, LedgerEntry>();
  const cancelled = new Set<string>();
  const registry = new Registry();
  const cancels = createCancels({ connected: () => true });
  let asked = 0;
  const answer = async <T>(value: T): Promise<T> => {
    asked++;
    if (ledgerAway) throw new Error("away");
    return value;
  };
  const emitter = (context: EmitContext): Emitter => {
    const target = (to: string) => ({
      emit: (event: string, ...[data]: unknown[]) => {
        said.push({ to, event, data: data === undefined ? data : JSON.parse(JSON.stringify(data)), context });
      },
    });
    return {
      to: (channel) => target(`c:${channel}`),
      toUser: (user) => target(`u:${user}`),
      broadcast: () => target("*"),
      join: () => {},
      leave: () => {},
      disconnect: () => {},
    };
  };
  const runner = createRunner({
    pool: { ...POOL, ...pool },
    node: "worker-1",
    handlerOf: lookup(new Map(Object.entries(handlers))),
    bus: {
      publish: (topic, message) =>
        void said.push({ to: String(topic), data: JSON.parse(Buffer.from(message).toString()) }),
    },
    emitter,
    ledger: {
      get: (user, id) => answer(known.get(jobKey(user, id))),
      cancelRequested: (user, id) => answer(cancelled.has(jobKey(user, id))),
    },
    record: (entry) => void recorded.push(entry),
    cancels,
    metrics: createMetrics("chat", registry),
    log: silentLog(),
  });
  return {
    runner,
    said,
    recorded,
    registry,
    known,
    cancelled,
    asked: () => asked,
    announceCancel: (key) => {
      cancels.heard(key);
      runner.cancel(key);
    },
    [Symbol.dispose]: () => runner[Symbol.dispose](),
  };
};
