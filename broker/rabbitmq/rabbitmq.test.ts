import { connect } from "amqplib";
import { sharedServer, startServer } from "#testing";
import { describeBroker } from "../suite.ts";
import { rabbitmqPromises } from "./index.ts";
import { incomingExchange, routingKey } from "./queues.ts";

describeBroker("rabbitmq", {
  driver: "rabbitmq",
  promises: rabbitmqPromises,
  server: () => sharedServer("rabbitmq"),
  mortalServer: () => startServer("rabbitmq"),
  releaseCounts: true,
  publishRaw: async ({ uri, cluster, pool }, bytes) => {
    const connection = await connect(uri);
    const channel = await connection.createConfirmChannel();
    channel.publish(incomingExchange(cluster), routingKey(pool), bytes, { persistent: true });
    await channel.waitForConfirms();
    await connection.close();
  },
});
