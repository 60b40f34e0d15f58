import type { ChannelModel, ConsumeMessage } from "amqplib";
import type { BindingTarget } from "./bindings.ts";

/** Messages for a gateway that does not keep up; more are refused, and their publisher counts them. */
const MAX_QUEUE_BYTES = 64 << 20;

const headerKeys = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

/** The keys that a message was published under, the partitions' among them. */
const keysOf = ({ fields, properties }: ConsumeMessage): string | string[] => {
  const more = headerKeys(properties.headers?.["CC"]);
  return more.length === 0 ? fields.routingKey : [fields.routingKey, ...more];
};

/** A queue of this process alone, which goes with its connection, and what arrives there. `onEnd`: someone took it away. */
export const openReceiver = async (
  model: ChannelModel,
  exchange: string,
  { onMessage, onEnd }: { onMessage: (keys: string | string[], message: Uint8Array) => void; onEnd: () => void },
): Promise<BindingTarget> => {
  const channel = await model.createChannel();
  channel.on("error", () => {});
  channel.on("close", onEnd);
  await channel.assertExchange(exchange, "direct", { durable: true });
  const { queue } = await channel.assertQueue("", {
    exclusive: true,
    autoDelete: true,
    durable: false,
    arguments: { "x-queue-type": "classic", "x-max-length-bytes": MAX_QUEUE_BYTES, "x-overflow": "reject-publish" },
  });
  const heard = (message: ConsumeMessage | null) => {
    if (message === null) return onEnd();
    onMessage(keysOf(message), message.content);
  };
  await channel.consume(queue, heard, { noAck: true });
  return { channel, queue, exchange };
};
