import { pauseMs, within } from "#amqp";
import { setTimeout as wait } from "node:timers/promises";
import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import { decodeJob, type Job, type Pool } from "#crds";
import type { Log } from "#process";
import type { Consumption, Delivery, Outcome } from "../port.ts";
import { attemptOf, isLost } from "./attempt.ts";
import { poolQueue } from "./queues.ts";
import type { Settle } from "./settle.ts";
import type { Slots } from "./slots.ts";

const CONSUMER_TAG = "worker";
const STOP_TIMEOUT_MS = 2000;

export interface PoolConsumer extends Consumption {
  /** Consumes on `model`; tries again by itself where only the channel fails. Does not reject. */
  open(model: ChannelModel): Promise<void>;
}

export interface PoolConsumerOptions {
  cluster: string;
  pool: Pool;
  run: (delivery: Delivery) => Promise<Outcome>;
  settle: Settle;
  slots: Slots;
  log: Log;
  /** Counts an outcome that came too late. */
  onDropped: () => void;
}

/** A channel's life: what was delivered on it can be settled on it only. */
interface Session {
  channel: Channel;
  alive: boolean;
  inHand: Set<ConsumeMessage>;
}

/** What becomes of a job that is not run again since its workers died. */
export const LOST: Outcome = {
  kind: "dead",
  reason: "lost",
  error: "its workers died, or lost the broker, as often as attempts allow",
};

/** The job, or why these bytes are none. */
export const tryToDecode = (content: Buffer): Job | Error => {
  try {
    return decodeJob(content);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
};

export const createPoolConsumer = ({
  cluster,
  pool,
  run,
  settle,
  slots,
  log,
  onDropped,
}: PoolConsumerOptions): PoolConsumer => {
  /** Came while old runs, of a lost connection, still fill the concurrency, or while stopping. */
  let waiting: { session: Session; message: ConsumeMessage }[] = [];
  const settling = new Set<Promise<void>>();
  let session: Session | undefined;
  let stopping = false;
  let failures = 0;

  const finish = async (of: Session, message: ConsumeMessage, outcome: Outcome, attempt: number) => {
    if (!of.inHand.delete(message) || !of.alive) return onDropped();
    if (!(await settle(of, message, outcome, attempt))) onDropped();
  };

  const end = (of: Session, message: ConsumeMessage, outcome: Outcome, attempt: number): Promise<void> => {
    if (outcome.kind === "done") return finish(of, message, outcome, attempt);
    const settled = finish(of, message, outcome, attempt).finally(() => settling.delete(settled));
    settling.add(settled);
    return settled;
  };

  const release = (of: Session, message: ConsumeMessage) =>
    void end(of, message, { kind: "release" }, attemptOf(message.properties.headers));

  const judge = async (message: ConsumeMessage, attempt: number): Promise<Outcome> => {
    const job = tryToDecode(message.content);
    if (job instanceof Error) return { kind: "dead", reason: "malformed", error: job.message };
    if (isLost(pool, attempt)) return LOST;
    try {
      return await run({ job, attempt });
    } catch (error) {
      log.error({ err: error, pool: pool.name }, "a run rejected");
      return { kind: "dead", reason: "failed", error: String(error) };
    }
  };

  const start = async (of: Session, message: ConsumeMessage) => {
    const attempt = attemptOf(message.properties.headers);
    const outcome = await judge(message, attempt);
    await end(of, message, outcome, attempt);
    slots.give();
  };
  slots.onFree(() => {
    if (stopping) return;
    while (waiting.length > 0 && slots.take()) {
      const next = waiting.shift();
      if (next !== undefined) void start(next.session, next.message);
    }
  });

  const take = (of: Session, message: ConsumeMessage) => {
    of.inHand.add(message);
    if (stopping || !slots.take()) waiting.push({ session: of, message });
    else void start(of, message);
  };

  const stop = async () => {
    stopping = true;
    if (session?.alive === true) await within(STOP_TIMEOUT_MS, session.channel.cancel(CONSUMER_TAG));
    for (const { session: of, message } of waiting.splice(0)) release(of, message);
  };

  const consume = async (model: ChannelModel): Promise<void> => {
    if (stopping || session?.alive === true) return;
    const channel = await model.createChannel();
    const opened: Session = { channel, alive: true, inHand: new Set() };
    session = opened;
    channel.on("error", (error) =>
      log.warn({ err: error, pool: pool.name }, "the broker closed the consumer's channel"),
    );
    channel.on("close", () => {
      opened.alive = false;
      waiting = waiting.filter((it) => it.session !== opened);
      if (!stopping && session === opened)
        void wait(pauseMs(failures++), undefined, { ref: false }).then(() => open(model));
    });
    await channel.prefetch(pool.concurrency);
    await channel.consume(
      poolQueue(cluster, pool),
      (message) => {
        if (message === null) void channel.close().catch(() => {});
        else take(opened, message);
      },
      { consumerTag: CONSUMER_TAG },
    );
    failures = 0;
    if (stopping) await stop();
  };

  const open = (model: ChannelModel): Promise<void> =>
    consume(model).catch((error: unknown) => log.warn({ err: error, pool: pool.name }, "cannot consume yet"));

  return {
    open,
    waiting: () => waiting.length,
    blocked: () => 0,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
      const last = session;
      if (last === undefined) return;
      for (const message of last.inHand) release(last, message);
      await within(STOP_TIMEOUT_MS, Promise.all(settling));
      if (last.alive) await within(STOP_TIMEOUT_MS, last.channel.close());
    },
  };
};
