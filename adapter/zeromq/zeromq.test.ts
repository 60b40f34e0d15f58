import { describe } from "@jest/globals";
import { adapterSuite } from "../suite.ts";
import { startHub } from "../testing/hub.ts";

const LIMITS = { maxMessages: 10_000, maxBytes: 64 << 20 };

const hub = {
  driver: "zeromq",
  shared: startHub,
  mortal: startHub,
  promises: { roomwise: true, namesMissing: true, json: true },
} as const;

describe("deliveries over the hub", () => adapterSuite(hub));

describe("deliveries over the hub's log", () =>
  adapterSuite({ ...hub, promises: { roomwise: false, namesMissing: true, json: false }, recovery: LIMITS }));
