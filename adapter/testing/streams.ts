import { connect } from "amqplib";
import { startServer, type TestServer } from "#testing";

/** A RabbitMQ of the test's own that has streams, written down by an orderly stop: killed right after its first one it may lose it. */
export const startStreams = async (): Promise<TestServer> => {
  const server = await startServer("rabbitmq");
  const connection = await connect(server.uri);
  const channel = await connection.createChannel();
  await channel.assertQueue("first", { arguments: { "x-queue-type": "stream" } });
  await connection.close();
  await server.stop();
  await server.start();
  return server;
};
