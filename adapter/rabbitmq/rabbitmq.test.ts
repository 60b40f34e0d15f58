import { describe } from "@jest/globals";
import { sharedServer, startServer } from "#testing";
import { adapterSuite } from "../suite.ts";

describe("deliveries over RabbitMQ", () =>
  adapterSuite({
    driver: "rabbitmq",
    shared: async () => ({ ...(await sharedServer("rabbitmq")), [Symbol.asyncDispose]: async () => {} }),
    mortal: () => startServer("rabbitmq"),
    promises: { roomwise: true, namesMissing: true, json: true },
  }));
