import type { MortalServer } from "../../adapter/testing/drivers.ts";
import { startHub } from "../../adapter/testing/hub.ts";
import { startStreams } from "../../adapter/testing/streams.ts";

/** RabbitMQ, to be killed, and a hub that keeps the store; `uri` is both, with a space between. */
export const startRabbitmqAndHub = async (): Promise<MortalServer> => {
  await using starting = new AsyncDisposableStack();
  const hub = starting.use(await startHub());
  const rabbitmq = starting.use(await startStreams());
  const { kill, start } = rabbitmq;
  const stack = starting.move();
  return { uri: `${rabbitmq.uri} ${hub.uri}`, kill, start, [Symbol.asyncDispose]: () => stack.disposeAsync() };
};
