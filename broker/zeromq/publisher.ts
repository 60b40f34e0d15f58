import { setTimeout as sleep } from "node:timers/promises";
import { encodeJob, Refusal, type BrokerWord, type Job, type Pool } from "#crds";
import type { Log } from "#process";
import type { Say } from "./index.ts";
import { createKept, type KeptJob } from "./kept.ts";

interface PublisherOptions {
  say: Say;
  log: Log;
  connected: () => boolean;
  /** ms */
  clock?: () => number;
  /** How long a publish waits for its confirm, and for a hub that has just gone away. */
  confirmMs?: number;
  graceMs?: number;
  /** Publishes that wait for a hub that has just gone away, or is given what is kept first. */
  maxWaiting?: number;
}

interface Unconfirmed {
  job: KeptJob;
  mode: Pool["mode"];
  deadline: number;
  resolve(ack: { durable: boolean }): void;
  reject(error: Refusal): void;
}

/** The gateway's hand: publishes, keeps what the hub took until it is finished, and offers that to a hub that came back empty. */
export interface PublishSide {
  publish(pool: Pool, queue: string, job: Job): Promise<{ durable: boolean }>;
  hear(word: BrokerWord): void;
  up(fresh: boolean): void;
  down(): void;
  /** Waits for confirms that are under way, or for a hub that has just gone away; then the hub alone holds what is kept here. */
  close(): Promise<void>;
}

export const createPublisher = (options: PublisherOptions): PublishSide => {
  const { say, log, connected, clock = () => performance.now() } = options;
  const { confirmMs = 5000, graceMs = 2000, maxWaiting = 10_000 } = options;
  const unconfirmed = new Map<number, Unconfirmed>();
  const kept = createKept({ say, clock });
  let last = 0;
  let downSince: number | undefined;
  /** False while what is kept goes first. */
  let open = true;
  let timer: NodeJS.Timeout | undefined;

  const refuse = (n: number, code: "broker_unavailable" | "queue_full", detail?: string) => {
    const waiting = unconfirmed.get(n);
    unconfirmed.delete(n);
    waiting?.reject(new Refusal(code, detail));
  };
  const sweep = () => {
    timer = undefined;
    const time = clock();
    for (const [n, { deadline }] of unconfirmed)
      if (deadline <= time) refuse(n, "broker_unavailable", connected() ? "not confirmed in time" : "the hub is away");
    watch();
  };
  const watch = () => {
    if (unconfirmed.size > 0) timer ??= setTimeout(sweep, 100);
  };
  const submit = ({ job }: Unconfirmed) => {
    if (!say(["submit", job.n, job.queue, job.id, job.key], job.body))
      refuse(job.n, "broker_unavailable", "the line to the hub is full");
  };
  /** After a reconnect: what is kept first, so that jobs of one key stay in order, then what was not confirmed. */
  const comeBack = async (fresh: boolean) => {
    open = false;
    if (!(await kept.offer(fresh))) return;
    open = true;
    for (const waiting of unconfirmed.values()) submit(waiting);
  };

  return {
    publish: (pool, queue, job) =>
      new Promise((resolve, reject) => {
        const time = clock();
        const away = downSince === undefined ? undefined : time - downSince;
        const mustWait = away !== undefined || !open;
        if ((away ?? 0) > graceMs || (mustWait && unconfirmed.size >= maxWaiting))
          return reject(new Refusal("broker_unavailable", "the hub is away"));
        const n = (last += 1);
        const waiting: Unconfirmed = {
          job: {
            n,
            queue,
            id: job.id,
            key: job.key ?? null,
            body: encodeJob(job),
            attempt: 1,
            order: 0,
            dueAt: 0,
            held: false,
          },
          mode: pool.mode,
          deadline: time + (away === undefined ? confirmMs : graceMs - away),
          resolve,
          reject,
        };
        unconfirmed.set(n, waiting);
        watch();
        if (!mustWait) submit(waiting);
      }),
    hear: (word) => {
      switch (word[0]) {
        case "taken": {
          const waiting = unconfirmed.get(word[1]);
          unconfirmed.delete(word[1]);
          if (waiting === undefined) return kept.taken(word[1], word[2]);
          if (waiting.mode !== "request") kept.keep(waiting.job, word[2]);
          return waiting.resolve({ durable: false });
        }
        case "full":
          if (unconfirmed.has(word[1])) return refuse(word[1], "queue_full");
          return kept.refused(word[1]);
        case "finished":
          return kept.finished(word[1]);
        case "again":
          return kept.again(word[1], word[2], word[3]);
        case "died":
          return kept.died(word[1], word[2], word[3]);
        case "gone":
          for (const n of word[1]) kept.finished(n);
      }
    },
    up: (fresh) => {
      downSince = undefined;
      const deadline = clock() + confirmMs;
      for (const waiting of unconfirmed.values()) waiting.deadline = deadline;
      void comeBack(fresh);
    },
    down: () => {
      downSince = clock();
      const deadline = downSince + graceMs;
      for (const waiting of unconfirmed.values()) waiting.deadline = Math.min(waiting.deadline, deadline);
      kept.down();
    },
    close: async () => {
      const until = clock() + confirmMs;
      const owing = () => (connected() ? unconfirmed.size > 0 || kept.offering() : kept.size() > 0);
      while (owing() && clock() < until) await sleep(5);
      clearTimeout(timer);
      for (const n of unconfirmed.keys()) refuse(n, "broker_unavailable", "this process stops");
      if (!connected() && kept.size() > 0)
        log.warn({ jobs: kept.size() }, "stops while the hub is away; if the hub is lost, so are these jobs");
      kept.down();
    },
  };
};
