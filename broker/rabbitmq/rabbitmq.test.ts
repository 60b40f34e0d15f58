import { connect } from "amqplib";
import { canServe, sayUnproven, sharedServer, startServer } from "#testing";
import { describeBroker, describeBrokerOrder, type SuiteOptions } from "../suite.ts";
import { promisesOf } from "./index.ts";
import { incomingExchange, parseVersion, routingKeyOf } from "./queues.ts";

const versionAt = async ({ uri }: { uri: string }) => {
  const connection = await connect(uri);
  const version = parseVersion(connection.connection.serverProperties.version);
  await connection.close();
  if (version === undefined) throw new Error(`the server at ${uri} does not tell its release`);
  return version;
};

const options: Omit<SuiteOptions, "promises" | "server"> = {
  driver: "rabbitmq",
  mortalServer: () => startServer("rabbitmq"),
  releaseCounts: true,
  // A quorum queue's name is in a table that Ra flushes seconds later (ra_directory, names.dets): killed before, the queue begins anew,
  // empty and without a leader. An orderly stop closes the table.
  writeDown: async (server) => {
    await server.stop();
    await server.start();
  },
  publishRaw: async ({ uri, cluster, pool }, bytes) => {
    const connection = await connect(uri);
    const channel = await connection.createConfirmChannel();
    channel.publish(incomingExchange(cluster), routingKeyOf(pool, { id: "raw" }), bytes, { persistent: true });
    await channel.waitForConfirms();
    await connection.close();
  },
};

const promises = promisesOf(await versionAt(await sharedServer("rabbitmq")));
describeBroker("rabbitmq", { ...options, promises, server: () => sharedServer("rabbitmq") });

if (!promises.ordered && canServe("rabbitmq4"))
  describeBrokerOrder("rabbitmq 4.0 and later", {
    ...options,
    promises: { ...promises, ordered: true },
    server: () => sharedServer("rabbitmq4"),
    mortalServer: () => startServer("rabbitmq4"),
  });
else if (!promises.ordered)
  sayUnproven(
    "orderBy on RabbitMQ, which needs 4.0 or later: start Docker (image rabbitmq:4-management), or set TEST_RABBITMQ4_URL",
  );
