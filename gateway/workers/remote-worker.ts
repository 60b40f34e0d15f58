import { randomBytes } from "node:crypto";
import type { Broker, Consumption } from "#broker";
import type { Pool, WorkerReport } from "#crds";
import type { Log } from "#process";
import { stopRunning, type Handler, type Runner } from "#runner";
import type { Admission } from "./admit.ts";

/** What one worker takes of one pool: a hand of its own at the broker, so that its jobs are its alone to lose. */
interface Hand {
  runner: Runner;
  consumption: Consumption;
}

/** A worker that is a socket.io client, as its gateway holds it. */
export interface RemoteWorker {
  readonly admission: Admission;
  reports(): WorkerReport[];
  cancel(key: string): void;
  /** Begins to take jobs. Rejects where the broker cannot be consumed from. */
  start(): Promise<void>;
  /** Takes no more. What is in hand can still end. */
  stop(): Promise<void>;
  /** Takes no more, waits up to `graceMs` for what is in hand, and hands back the rest. */
  leave(graceMs: number): Promise<void>;
  /** It is gone: what it had in hand is the next to be run, by another. */
  lose(): Promise<void>;
}

export interface RemoteWorkerOptions {
  admission: Admission;
  broker: Broker;
  handlerFor: (pool: Pool) => Handler;
  runnerFor: (pool: Pool, node: string, handler: Handler) => Runner;
  log: Log;
  newName?: (name: string) => string;
}

const LONGEST_MS = 2 ** 31 - 1;

const named = (name: string): string => `${name}-${randomBytes(4).toString("hex")}`;

export const createRemoteWorker = ({
  admission,
  broker,
  handlerFor,
  runnerFor,
  log,
  newName = named,
}: RemoteWorkerOptions): RemoteWorker => {
  const hands: Hand[] = [];
  let ending: Promise<unknown> | undefined;

  const leave = ({ consumption, runner }: Hand, graceMs: number) => stopRunning(consumption, runner, { graceMs, log });
  const stop = async (of: readonly Hand[]) => void (await Promise.all(of.map(({ consumption }) => consumption.stop())));
  /** Not before nothing more comes: its jobs would come back to it. */
  const lose = async (of: readonly Hand[]) => {
    await stop(of);
    for (const { runner } of of) runner.lose();
  };

  return {
    admission,
    reports: () => hands.map(({ runner }) => ({ ...runner.report(), remote: true })),
    cancel: (key) => {
      for (const { runner } of hands) runner.cancel(key);
    },
    start: async () => {
      await Promise.all(
        admission.pools.map(async (pool) => {
          const runner = runnerFor(pool, newName(admission.name), handlerFor(pool));
          const concurrency = Math.min(admission.credit, pool.concurrency);
          const consumption = await broker.consume({ ...pool, concurrency }, (delivery) => runner.run(delivery));
          const hand = { runner, consumption };
          hands.push(hand);
          if (ending !== undefined) await Promise.all([leave(hand, LONGEST_MS), lose([hand])]);
        }),
      );
    },
    stop: () => stop(hands),
    leave: async (graceMs) => void (await (ending ??= Promise.all(hands.map((hand) => leave(hand, graceMs))))),
    lose: async () => {
      ending ??= Promise.all(hands.map((hand) => leave(hand, LONGEST_MS)));
      await lose(hands);
      await ending;
    },
  };
};
