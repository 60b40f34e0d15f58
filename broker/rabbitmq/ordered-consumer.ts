import { setTimeout as wait } from "node:timers/promises";
import { pauseMs, within } from "#amqp";
import type { ChannelModel, ConsumeMessage } from "amqplib";
import { jobKey, type Job, type Pool } from "#crds";
import type { Log } from "#process";
import type { Delivery, Outcome } from "../port.ts";
import { retrySteps } from "../retry.ts";
import { isLost } from "./attempt.ts";
import type { Note } from "./attempt-notes.ts";
import { LOST, tryToDecode, type PoolConsumer } from "./consumer.ts";
import { createLines } from "./lines.ts";
import { openPartition, returns, type Partition } from "./partition.ts";
import type { Publisher } from "./publisher.ts";
import { partitions } from "./queues.ts";
import type { Settle } from "./settle.ts";
import type { Slots } from "./slots.ts";

const STOP_TIMEOUT_MS = 2000;

export interface OrderedConsumerOptions {
  cluster: string;
  pool: Pool;
  /** Unique per start of a process: what partitions this one gets. */
  node: string;
  run: (delivery: Delivery) => Promise<Outcome>;
  settle: Settle;
  publisher: Publisher;
  slots: Slots;
  log: Log;
  /** Counts an outcome that came too late. */
  onDropped: () => void;
  now?: () => number;
}

/** A job in hand: unacknowledged from its delivery until it is done or dead, also behind others of its key and through its backoff. */
interface Held {
  name: string;
  line: string;
  job: Job | Error;
  partition: Partition<Held>;
  message: ConsumeMessage;
  running: boolean;
  /** Undefined until the notes are read, where it was delivered before. */
  attempt: number | undefined;
  notBefore: number;
}

/** How a turn of a job ended; `later`: its backoff is not over; `gone`: it is another worker's. */
type Turn = Outcome | { kind: "later" } | { kind: "gone" };

/**
 * Consumes a pool's partitions, those that are this worker's, and runs the jobs of one key one after the other. A partition goes to another
 * worker only when nothing of it is under way here: by the broker, which waits until all that it delivered is settled before it
 * prefers another; by leaving, which closes the channel once the last run is settled (a cancel would hand on the next job while one runs).
 */
export const createOrderedConsumer = (options: OrderedConsumerOptions): PoolConsumer => {
  const { pool, run, settle, slots, log, onDropped, now = Date.now } = options;
  const lines = createLines<Held>();
  const sessions = new Map<number, Partition<Held>>();
  let ready: Held[] = [];
  let current: ChannelModel | undefined;
  let stopping = false;
  let failures = 0;

  const isNext = (it: Held) => it.partition.alive && !it.running && lines.first(it.line) === it;

  const offer = (it: Held): void => {
    const inMs = it.notBefore - now();
    if (inMs > 0) setTimeout(() => isNext(it) && offer(it), inMs).unref();
    else {
      ready.push(it);
      pump();
    }
  };

  const remove = (it: Held) => {
    it.partition.held.delete(it);
    const next = lines.leave(it.line, it);
    if (next !== undefined) offer(next);
  };

  /** A job that came back and is not noted has run at most once. That alone makes none lost: it may have waited only. */
  const attemptOf = async (it: Held): Promise<number> => {
    await it.partition.notes.load();
    const noted = it.partition.notes.get(it.name);
    it.notBefore = Math.min(noted?.notBefore ?? 0, now() + pool.retry.maxBackoffSeconds * 1000);
    return noted?.attempt ?? Math.min(2, pool.retry.attempts);
  };

  const turn = async (it: Held): Promise<Turn> => {
    if (it.job instanceof Error) return { kind: "dead", reason: "malformed", error: it.job.message };
    const attempt = (it.attempt ??= await attemptOf(it));
    if (isLost(pool, attempt)) return LOST;
    if (it.notBefore > now()) return { kind: "later" };
    // What may have killed a worker is counted before it can kill another.
    if (attempt > 1 || returns(it.message) > 0) await it.partition.notes.set([[it.name, { attempt: attempt + 1 }]]);
    if (!it.partition.alive) return { kind: "gone" };
    if (stopping) return { kind: "release" };
    try {
      return await run({ job: it.job, attempt });
    } catch (error) {
      log.error({ err: error, pool: pool.name }, "a run rejected");
      return { kind: "dead", reason: "failed", error: String(error) };
    }
  };

  const again = (it: Held, note: Note): Promise<void> => {
    it.attempt = note.attempt;
    it.notBefore = note.notBefore ?? 0;
    return it.partition.notes.set([[it.name, note]]);
  };

  /** What is written of a partition is written while a job of it is unacknowledged: so only its owner does. */
  const conclude = async (it: Held, ended: Turn): Promise<void> => {
    const { partition, attempt = 1 } = it;
    if (!partition.alive) {
      if (ended.kind !== "gone") onDropped();
      return remove(it);
    }
    switch (ended.kind) {
      case "gone":
      case "later":
        return;
      case "release":
        return again(it, { attempt });
      case "retry":
        if (retrySteps(pool.retry).length > 0)
          return again(it, { attempt: attempt + 1, notBefore: now() + ended.inMs });
    }
    const outcome: Outcome = ended.kind === "retry" ? { kind: "dead", reason: "failed", error: ended.error } : ended;
    await partition.notes.forget(it.name);
    if (!(await settle(it.partition, it.message, outcome, attempt))) onDropped();
    remove(it);
  };

  const start = async (it: Held) => {
    it.running = true;
    it.partition.running++;
    const ended = await turn(it);
    await conclude(it, ended);
    it.running = false;
    it.partition.running--;
    if (isNext(it)) offer(it);
    void leaveIfIdle(it.partition);
    slots.give();
  };

  const pump = () => {
    if (stopping) return;
    while (ready.length > 0 && slots.take()) {
      const next = ready.shift();
      if (next !== undefined && isNext(next)) void start(next);
      else slots.give();
    }
  };
  slots.onFree(pump);

  const onMessage = (partition: Partition<Held>, message: ConsumeMessage) => {
    const job = tryToDecode(message.content);
    const name = job instanceof Error ? `${partition.number}/${message.fields.deliveryTag}` : jobKey(job.user, job.id);
    const line = job instanceof Error ? `bytes:${name}` : job.key === undefined ? `job:${name}` : `key:${job.key}`;
    const running = lines.first(line);
    if (running?.name === name && running.running && !running.partition.alive) {
      // Its run goes on since before the connection was lost, and settles this delivery.
      running.partition = partition;
      running.message = message;
      partition.running++;
      partition.held.add(running);
      return;
    }
    const attempt = returns(message) === 0 ? 1 : undefined;
    const it: Held = { name, line, job, partition, message, running: false, attempt, notBefore: 0 };
    partition.held.add(it);
    if (lines.enter(line, it)) offer(it);
  };

  const onClose = (partition: Partition<Held>) => {
    for (const it of partition.held) if (!it.running) remove(it);
  };

  /** Notes what did not run, so that going costs no attempt, and hands all back. */
  const leave = async (partition: Partition<Held>): Promise<void> => {
    if (partition.leaving || !partition.alive) return;
    partition.leaving = true;
    const { notes, held } = partition;
    const unsaid = [...held].flatMap(({ name, attempt, running }) =>
      attempt === undefined || (notes.get(name) !== undefined && !running) ? [] : [[name, { attempt }] as const],
    );
    if (unsaid.length > 0) await within(STOP_TIMEOUT_MS, notes.set(unsaid));
    if (partition.alive) await within(STOP_TIMEOUT_MS, partition.channel.close());
  };

  const leaveIfIdle = (partition: Partition<Held>): Promise<void> =>
    stopping && partition.running === 0 ? leave(partition) : Promise.resolve();

  const consume = async (number: number): Promise<void> => {
    if (current === undefined || stopping || sessions.get(number)?.alive === true) return;
    const partition = await openPartition<Held>({
      ...options,
      model: current,
      number,
      onMessage,
      onClose: (closed) => {
        onClose(closed);
        if (!stopping) void wait(pauseMs(failures++), undefined, { ref: false }).then(() => open(number));
      },
      onError: (error) => log.warn({ err: error, pool: pool.name, number }, "the broker closed a partition's channel"),
    });
    sessions.set(number, partition);
    failures = 0;
    await leaveIfIdle(partition);
  };

  const open = (number: number): Promise<void> =>
    consume(number).catch((error: unknown) =>
      log.warn({ err: error, pool: pool.name, number }, "cannot consume a partition yet"),
    );

  const waiting = () =>
    [...sessions.values()].reduce((sum, { alive, held, running }) => sum + (alive ? held.size - running : 0), 0);

  const stop = async () => {
    stopping = true;
    await Promise.all([...sessions.values()].map(leaveIfIdle));
  };

  return {
    open: async (model) => {
      current = model;
      model.once("close", () => {
        if (current === model) current = undefined;
      });
      await Promise.all(partitions.map(open));
    },
    waiting,
    blocked: () => waiting() - ready.filter(isNext).length,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
      await Promise.all([...sessions.values()].map(leave));
      ready = [];
    },
  };
};
