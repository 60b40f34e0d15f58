import type { openDelivery } from "../index.ts";
import type { LogLimits } from "../log/port.ts";

export type TestDriver = Parameters<typeof openDelivery>[0];

/** A server that a test may take away and bring back. */
export interface MortalServer extends AsyncDisposable {
  uri: string;
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** What the suite needs of a driver, and which of the promises that not all drivers make it keeps. */
export interface DriverUnderTest {
  driver: TestDriver;
  /** A server that others may use at the same time. */
  shared: () => Promise<{ uri: string } & AsyncDisposable>;
  /** One of the test's own. */
  mortal: () => Promise<MortalServer>;
  /** Silence after which a gateway is taken for gone, where the server is slower than 1.5 s. */
  silentMs?: number;
  /** Over a Log of that size, and a Bus. */
  recovery?: LogLimits;
  promises: {
    /** What is said to rooms is taken in only by gateways that hold a member, and once. */
    roomwise: boolean;
    /** A partial answer of other gateways names who is missing. */
    namesMissing: boolean;
    /** Messages in JSON, of publishers without our encoding, are read. */
    json: boolean;
  };
}

/** What a cluster of that name connects to. */
export const uriOf = (driver: TestDriver, server: string, cluster: string): string =>
  driver === "redis" ? `${server}?prefix=${cluster}` : server;
