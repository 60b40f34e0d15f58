import { within } from "#amqp";
import { setTimeout as wait } from "node:timers/promises";
import type { ChannelModel, ConfirmChannel } from "amqplib";
import { Refusal } from "#crds";
import type { Metrics } from "./metrics.ts";

const CONFIRM_TIMEOUT_MS = 10_000;
/** A server that owes a confirmation for this long is given up. */
const STUCK_MS = 60_000;
const SWEEP_MS = 1000;
const MAX_UNCONFIRMED = 50_000;
const MAX_UNCONFIRMED_BYTES = 256 * 1024 * 1024;
const DRAIN_MS = 3000;

/** Where a message goes and how. */
export interface Posting {
  exchange: string;
  key: string;
  content: Buffer;
  persistent: boolean;
  headers?: Record<string, string | number>;
  /** ms after which it is dropped where nobody took it. */
  expiration?: number;
}

/** Publishes with confirms, on one channel that is opened anew on each connection. */
export interface Publisher extends AsyncDisposable {
  /** Opens its channel on `model`. */
  attach(model: ChannelModel): Promise<void>;
  attached(): boolean;
  /**
   * Resolves once the server has the message in a queue. Rejects with a `Refusal`: `queue_full` where the server says no,
   * `broker_unavailable` where it is away, blocks, does not confirm within 10 s, owes too many confirmations, or has no such queue.
   */
  send(posting: Posting): Promise<void>;
}

interface Pending {
  resolve: () => void;
  reject: (refusal: Refusal) => void;
  since: number;
  bytes: number;
  returned: boolean;
  refused: boolean;
}

export interface PublisherOptions {
  metrics: Metrics;
  blocked: () => boolean;
  /** Gives up the connection. */
  reset: () => void;
  now?: () => number;
}

export const createPublisher = ({ metrics, blocked, reset, now = Date.now }: PublisherOptions): Publisher => {
  /** By number, so in order of time: what the server has not answered yet. */
  const pending = new Map<number, Pending>();
  let channel: ConfirmChannel | undefined;
  let sent = 0;
  let bytes = 0;

  const refusal = (reason: string, detail: string, cause?: unknown): Refusal => {
    metrics.refused.inc({ reason });
    return new Refusal(reason === "full" ? "queue_full" : "broker_unavailable", detail, { cause });
  };

  const confirmed = (number: number, it: Pending, error: unknown) => {
    pending.delete(number);
    bytes -= it.bytes;
    if (it.refused) return;
    if (it.returned) it.reject(refusal("unroutable", "the pool has no queue at the broker yet"));
    else if (error === null) it.resolve();
    else if (error instanceof Error && error.message === "message nacked")
      it.reject(refusal("full", "the broker said no", error));
    else it.reject(refusal("connection_lost", "the connection was lost before the confirmation", error));
  };

  const sweep = setInterval(() => {
    metrics.unconfirmed.set(pending.size);
    const time = now();
    for (const it of pending.values()) {
      const age = time - it.since;
      if (age < CONFIRM_TIMEOUT_MS) break;
      if (!it.refused) it.reject(refusal("unconfirmed", `no confirmation within ${CONFIRM_TIMEOUT_MS} ms`));
      it.refused = true;
      if (age > STUCK_MS) return reset();
    }
  }, SWEEP_MS);
  sweep.unref();

  return {
    attach: async (model) => {
      const opened = await model.createConfirmChannel();
      opened.on("error", () => {});
      opened.on("return", (message) => {
        const it = pending.get(Number(message.properties.correlationId));
        if (it !== undefined) it.returned = true;
      });
      opened.on("close", () => {
        if (channel !== opened) return;
        channel = undefined;
        reset();
      });
      channel = opened;
    },
    attached: () => channel !== undefined,
    send: ({ exchange, key, content, persistent, headers, expiration }) => {
      const to = channel;
      if (to === undefined) return Promise.reject(refusal("disconnected", "the broker is away"));
      if (blocked()) return Promise.reject(refusal("blocked", "the broker is short of memory or disk"));
      if (pending.size >= MAX_UNCONFIRMED || bytes >= MAX_UNCONFIRMED_BYTES)
        return Promise.reject(refusal("backlog", "the broker owes too many confirmations"));
      return new Promise((resolve, reject) => {
        const number = ++sent;
        const it: Pending = { resolve, reject, since: now(), bytes: content.length, returned: false, refused: false };
        const properties = { mandatory: true, persistent, correlationId: String(number), headers };
        try {
          to.publish(
            exchange,
            key,
            content,
            expiration === undefined ? properties : { ...properties, expiration },
            (error: unknown) => confirmed(number, it, error),
          );
        } catch (error) {
          return reject(refusal("disconnected", "the broker is away", error));
        }
        bytes += it.bytes;
        pending.set(number, it);
      });
    },
    [Symbol.asyncDispose]: async () => {
      const end = now() + DRAIN_MS;
      while (pending.size > 0 && now() < end) await wait(5);
      clearInterval(sweep);
      const last = channel;
      channel = undefined;
      if (last !== undefined) await within(DRAIN_MS, last.close());
    },
  };
};
