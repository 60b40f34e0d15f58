import { describe } from "@jest/globals";
import { outageSuite } from "../testing/outage.ts";
import { deliverySuite } from "../suite.ts";
import { startHub } from "../testing/hub.ts";

describe("deliveries over the hub", () => {
  deliverySuite("zeromq", startHub);
  outageSuite("zeromq", startHub);
});

describe("deliveries over the hub's log", () => {
  deliverySuite("zeromq", startHub, { maxMessages: 10_000, maxBytes: 64 << 20 });
});
