import type { Consumption, Delivery, Outcome } from "../index.ts";
import { decodeJob, type Pool } from "#crds";
import type { Log } from "#process";
import type { Asker } from "./asker.ts";
import type { Say } from "./index.ts";

type Run = (delivery: Delivery) => Promise<Outcome>;

interface Consuming {
  readonly sub: number;
  readonly queue: string;
  readonly concurrency: number;
  readonly run: Run;
  stopped: boolean;
  /** uid → attempt; an outcome that could not be said waits here for the hub to come back. */
  readonly hands: Map<string, { attempt: number; outcome: Outcome | undefined }>;
  /** What came while more was in hand than may run, since the hub did not know of it. */
  readonly waiting: (() => void)[];
  running: number;
}

interface WorkSide {
  consume(pool: Pool, queue: string, run: Run): Consumption;
  /** A job came. */
  take(sub: number, uid: string, attempt: number, body: Uint8Array): void;
  up(): void;
  /** Hands everything back. */
  close(): void;
}

/** The worker's hand: runs what the hub gives, and says after each reconnect what is in hand, so that it is not run twice. */
export const createConsumer = ({ say, log, asker }: { say: Say; log: Log; asker: Asker }): WorkSide => {
  const all = new Map<number, Consuming>();
  let last = 0;

  const sayConsume = ({ sub, queue, concurrency, stopped, hands }: Consuming) =>
    say(["consume", sub, queue, stopped ? 0 : concurrency, [...hands].map(([uid, { attempt }]) => [uid, attempt])]);
  const sayOutcome = (sub: number, uid: string, outcome: Outcome) =>
    say(outcome.kind === "done" ? ["done", sub, uid] : ["settle", sub, uid, outcome]);

  const settle = (it: Consuming, uid: string, outcome: Outcome) => {
    const hand = it.hands.get(uid);
    if (hand === undefined || all.get(it.sub) !== it) return;
    if (sayOutcome(it.sub, uid, outcome)) it.hands.delete(uid);
    else hand.outcome = outcome;
  };
  const runOne = async (it: Consuming, uid: string, attempt: number, body: Uint8Array): Promise<Outcome> => {
    let delivery: Delivery;
    try {
      delivery = { job: decodeJob(body), attempt };
    } catch (error) {
      return { kind: "dead", reason: "malformed", error: String(error) };
    }
    try {
      return await it.run(delivery);
    } catch (error) {
      log.error({ err: error, uid }, "a run rejected, which it must not; its job is dead");
      return { kind: "dead", reason: "failed", error: String(error) };
    }
  };
  const start = async (it: Consuming, uid: string, attempt: number, body: Uint8Array) => {
    it.running += 1;
    settle(it, uid, await runOne(it, uid, attempt, body));
    it.running -= 1;
    it.waiting.shift()?.();
  };
  const cancel = (it: Consuming) => {
    it.stopped = true;
    it.waiting.length = 0;
    if (!all.delete(it.sub)) return;
    say(["cancel", it.sub]);
  };

  return {
    consume: (pool, queue, run) => {
      const it: Consuming = {
        sub: (last += 1),
        queue,
        concurrency: pool.concurrency,
        run,
        stopped: false,
        hands: new Map(),
        waiting: [],
        running: 0,
      };
      all.set(it.sub, it);
      sayConsume(it);
      return {
        waiting: () => 0,
        blocked: () => 0,
        stop: async () => {
          it.stopped = true;
          for (const giveBack of it.waiting.splice(0)) giveBack();
          // Where the hub is away, nothing comes, and what comes after is given back.
          await asker.ask((ref) => ["stop", ref, it.sub]).catch(() => {});
        },
        [Symbol.asyncDispose]: async () => cancel(it),
      };
    },
    take: (sub, uid, attempt, body) => {
      const it = all.get(sub);
      // A job that is in hand already was given again after the line had gone: the run that is under way settles it.
      if (it === undefined || it.hands.has(uid)) return;
      if (it.stopped) return void say(["settle", sub, uid, { kind: "release" }]);
      it.hands.set(uid, { attempt, outcome: undefined });
      if (it.running < it.concurrency) return void start(it, uid, attempt, body);
      const bytes = Buffer.from(body);
      it.waiting.push(() => (it.stopped ? settle(it, uid, { kind: "release" }) : void start(it, uid, attempt, bytes)));
    },
    up: () => {
      for (const it of all.values()) {
        sayConsume(it);
        for (const [uid, { outcome }] of it.hands) if (outcome !== undefined) settle(it, uid, outcome);
      }
    },
    close: () => {
      for (const it of all.values()) cancel(it);
    },
  };
};
