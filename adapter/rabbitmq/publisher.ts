import type { ChannelModel, ConfirmChannel } from "amqplib";
import { within } from "#amqp";
import type { BusMetrics } from "../metrics.ts";
import { routeOf } from "./routing.ts";

const MAX_MESSAGES = 100_000;
const MAX_BYTES = 64 << 20;
/** RabbitMQ 4 closes the channel of who publishes more. */
const MAX_MESSAGE_BYTES = 16 << 20;
const DRAIN_MS = 3000;
/** A server that owes confirmations and gives none for so long is given up. */
const STUCK_MS = 30_000;

export interface PublisherOptions {
  exchange: string;
  metrics: BusMetrics;
  /** The server holds publishers up. */
  blocked: () => boolean;
  /** Gives the connection up. */
  reset: () => void;
}

/**
 * Publishes on one channel, opened anew on each connection, so that order holds. Bounded by what the server has not confirmed: it confirms a
 * message when it is in the queues, and refuses it where one of them is full.
 */
export interface Publisher extends AsyncDisposable {
  attach(model: ChannelModel): Promise<void>;
  attached(): boolean;
  publish(topics: string | readonly string[], message: Uint8Array): void;
}

export const createPublisher = ({ exchange, metrics, blocked, reset }: PublisherOptions): Publisher => {
  let channel: ConfirmChannel | undefined;
  let messages = 0;
  let bytes = 0;
  let movedAt = 0;

  const send = (to: ConfirmChannel, topics: string | readonly string[], message: Uint8Array) => {
    const { key, cc } = routeOf(topics);
    const { length } = message;
    if (messages === 0) movedAt = performance.now();
    messages += 1;
    bytes += length;
    const content = message instanceof Buffer ? message : Buffer.from(message.buffer, message.byteOffset, length);
    to.publish(exchange, key, content, cc.length === 0 ? {} : { CC: cc }, (error: unknown) => {
      messages -= 1;
      bytes -= length;
      movedAt = performance.now();
      if (error) metrics.dropped(channel === to ? "slow" : "unconfirmed");
    });
  };
  const watch = setInterval(() => {
    if (messages > 0 && performance.now() - movedAt > STUCK_MS) reset();
  }, 1000).unref();

  return {
    attach: async (model) => {
      const opened = await model.createConfirmChannel();
      opened.on("error", () => {});
      // Before amqplib's own listener, which tells every message that is not confirmed.
      opened.prependListener("close", () => {
        if (channel !== opened) return;
        channel = undefined;
        reset();
      });
      channel = opened;
    },
    attached: () => channel !== undefined,
    publish: (topics, message) => {
      if (channel === undefined || blocked()) return metrics.dropped("away");
      if (message.length > MAX_MESSAGE_BYTES) return metrics.dropped("large");
      if (messages >= MAX_MESSAGES || bytes >= MAX_BYTES) return metrics.dropped("full");
      try {
        send(channel, topics, message);
      } catch {
        messages -= 1;
        bytes -= message.length;
        metrics.dropped("away");
      }
    },
    [Symbol.asyncDispose]: async () => {
      if (channel !== undefined) await within(DRAIN_MS, channel.waitForConfirms());
      clearInterval(watch);
    },
  };
};
