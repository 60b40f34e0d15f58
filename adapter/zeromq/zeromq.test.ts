import { describe } from "@jest/globals";
import { adapterSuite } from "../suite.ts";
import { startHub } from "../testing/hub.ts";

describe("deliveries over the hub", () =>
  adapterSuite({
    driver: "zeromq",
    shared: startHub,
    mortal: startHub,
    promises: { roomwise: true, namesMissing: true, json: true },
  }));
