import { describe } from "@jest/globals";
import { sharedServer, startServer } from "#testing";
import { deliverySuite } from "../suite.ts";
import { outageSuite } from "../testing/outage.ts";

describe("deliveries over MongoDB", () => {
  deliverySuite("mongo", async () => ({ ...(await sharedServer("mongo")), [Symbol.asyncDispose]: async () => {} }));
  outageSuite("mongo", () => startServer("mongo"));
});
