import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "amqplib";
import { startServer, type TestServer } from "#testing";

/** RabbitMQ writes down that it has streams half a second after its first one, and loses that one if it is killed before. Nothing tells. */
const WRITTEN_MS = 2000;

/** A RabbitMQ of the test's own that has streams, and may be killed. */
export const startStreams = async (): Promise<TestServer> => {
  const server = await startServer("rabbitmq");
  const connection = await connect(server.uri);
  const channel = await connection.createChannel();
  await channel.assertQueue("first", { arguments: { "x-queue-type": "stream" } });
  await connection.close();
  await sleep(WRITTEN_MS);
  return server;
};
