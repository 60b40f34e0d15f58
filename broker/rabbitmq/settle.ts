import { pauseMs } from "#amqp";
import { setTimeout as wait } from "node:timers/promises";
import type { Channel, Message } from "amqplib";
import type { Pool } from "#crds";
import type { Log } from "#process";
import type { Outcome } from "../port.ts";
import { nearestStep, retrySteps } from "../retry.ts";
import { ATTEMPT_HEADER, releaseBy } from "./attempt.ts";
import { deadHeaders } from "./dead-letter.ts";
import type { Posting, Publisher } from "./publisher.ts";
import { deadQueue, delayQueue, incomingExchange, routingKey, type ServerVersion } from "./queues.ts";

/** Tells the server how a run ended. Resolves with false where the channel was gone: the job is another's then. */
export type Settle = (
  on: {
    channel: Channel;
    readonly alive: boolean;
    /** The jobs' at `incoming`, if not the pool's. */ readonly key?: string;
  },
  message: Message,
  outcome: Outcome,
  attempt: number,
) => Promise<boolean>;

export interface SettleOptions {
  cluster: string;
  pool: Pool;
  publisher: Publisher;
  version: () => ServerVersion;
  log: Log;
  now?: () => number;
}

/**
 * What happens to a delivery: acknowledged, back to the head (`reject`: every server counts that as an attempt), or acknowledged once
 * the server has what takes its place.
 */
type Act = "ack" | "requeue" | "reject" | Omit<Posting, "content">;

/** The pure half of settling. */
export const actFor = (
  { cluster, pool, version }: { cluster: string; pool: Pool; version: ServerVersion },
  outcome: Outcome,
  attempt: number,
  now: number,
  key = routingKey(pool),
): Act => {
  const dead = (reason: "failed" | "rejected" | "lost" | "malformed", error: string): Act => ({
    exchange: "",
    key: deadQueue(cluster, pool),
    persistent: true,
    headers: deadHeaders({ reason, error, attempts: attempt, at: now, key }),
  });
  switch (outcome.kind) {
    case "done":
      return "ack";
    case "release":
      return releaseBy(pool, attempt, version) === "requeue"
        ? "requeue"
        : {
            exchange: incomingExchange(cluster),
            key: routingKey(pool),
            persistent: true,
            headers: { [ATTEMPT_HEADER]: attempt },
          };
    case "lost":
      return "reject";
    case "dead":
      return pool.mode === "request" ? "ack" : dead(outcome.reason, outcome.error);
    case "retry": {
      if (pool.mode === "request") return "ack";
      const step = nearestStep(retrySteps(pool.retry), outcome.inMs);
      if (step === undefined) return dead("failed", outcome.error);
      return {
        exchange: "",
        key: delayQueue(cluster, pool, step),
        persistent: true,
        headers: { [ATTEMPT_HEADER]: attempt + 1 },
      };
    }
  }
};

const on = (channel: { channel: Channel; readonly alive: boolean }, act: (channel: Channel) => void): boolean => {
  if (!channel.alive) return false;
  try {
    act(channel.channel);
    return true;
  } catch {
    return false;
  }
};

/** The acting half: what takes a delivery's place is confirmed before the delivery is acknowledged, tried for as long as its channel lives. */
export const createSettle = ({ cluster, pool, publisher, version, log, now = Date.now }: SettleOptions): Settle => {
  return async (channel, message, outcome, attempt) => {
    if (outcome.kind === "done") return on(channel, (it) => it.ack(message));
    const act = actFor({ cluster, pool, version: version() }, outcome, attempt, now(), channel.key);
    if (act === "ack") return on(channel, (it) => it.ack(message));
    if (act === "requeue") return on(channel, (it) => it.nack(message, false, true));
    if (act === "reject") return on(channel, (it) => it.reject(message, true));
    for (let failures = 0; channel.alive; failures++) {
      try {
        await publisher.send({ ...act, content: message.content });
        return on(channel, (it) => it.ack(message));
      } catch (error) {
        if (failures === 0) log.warn({ err: error, pool: pool.name, outcome: outcome.kind }, "cannot settle a job yet");
        await wait(pauseMs(failures), undefined, { ref: false });
      }
    }
    return false;
  };
};
