import { randomBytes } from "node:crypto";
import { expect } from "@jest/globals";
import { Registry } from "prom-client";
import type { Job, Pool } from "#crds";
import { silentLog } from "#process";
import { eventually, spawnNode, type NodeProcess } from "#testing";
import {
  openBroker,
  type Broker,
  type BrokerPromises,
  type Consumption,
  type Delivery,
  type Outcome,
} from "../index.ts";
import { behave, type Orders } from "../testing/behave.ts";

/** A server that the suite may stop, kill and start again at the same address. */
export interface MortalServer extends AsyncDisposable {
  uri: string;
  kill(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

export interface SuiteOptions {
  driver: "rabbitmq" | "zeromq";
  promises: BrokerPromises;
  /** One for all plain cases; each uses a cluster's name of its own. */
  server: () => Promise<{ uri: string }>;
  /** One of the suite's own, for the cases in which it goes away. */
  mortalServer: () => Promise<MortalServer>;
  /** Brings bytes that are no job into a pool's queue; absent: the driver offers no way in for them. */
  publishRaw?: (at: { uri: string; cluster: string; pool: Pool }, bytes: Buffer) => Promise<void>;
  /** The server counts a released job as one that was tried. */
  releaseCounts?: boolean;
  /** The server forgets a queue that is killed right after it was declared: makes it write its queues down first. */
  writeDown?: (server: MortalServer) => Promise<void>;
  /** How long the server stays away; default: BROKER_AWAY_SECONDS, or 5 s. */
  awayMs?: number;
}
const WORKER = new URL("../testing/worker.ts", import.meta.url).pathname;

/** A pool with short backoffs. */
export const aPool = (over: Partial<Pool> = {}): Pool => ({
  name: "pool",
  events: ["*"],
  mode: "job",
  orderBy: "none",
  concurrency: 20,
  timeoutSeconds: 30,
  retry: { attempts: 5, backoffSeconds: 0.1, maxBackoffSeconds: 1 },
  ...over,
});

/** A job of ann's. */
export const aJob = (id: string, payload: Orders = {}, over: Partial<Job> = {}): Job => ({
  v: 1,
  id,
  event: "event",
  payload,
  user: "ann",
  mode: "job",
  at: Date.now(),
  ...over,
});

/** A promise with its handle outside, for runs that end when the case says so. */
export const gate = () => Promise.withResolvers<void>();

/** Of the jobs that came. */
export const ids = (deliveries: readonly Delivery[]) => deliveries.map(({ job }) => job.id);

/** `prefix0`, `prefix1`, … */
export const numbered = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

interface Started {
  seen: Delivery[];
  done: Delivery[];
  consumption: Consumption;
}

/** A name that no other case has. */
export const aCluster = () => `t${randomBytes(5).toString("hex")}`;

/** Consumes, remembering what came and what was done. */
export const work = async (
  broker: Broker,
  pool: Pool,
  run: (delivery: Delivery) => Promise<Outcome> = (delivery) => behave(pool, delivery),
): Promise<Started> => {
  const seen: Delivery[] = [];
  const done: Delivery[] = [];
  const consumption = await broker.consume(pool, async (delivery) => {
    seen.push(delivery);
    const outcome = await run(delivery);
    if (outcome.kind === "done") done.push(delivery);
    return outcome;
  });
  return { seen, done, consumption };
};

/** Publishes jobs of these ids, all at once. */
export const publishAll = (broker: Broker, pool: Pool, names: readonly string[], payload: Orders = {}) =>
  Promise.all(names.map((id) => broker.publish(pool, aJob(id, payload, { mode: pool.mode }))));

/** A driver with a server, once the cases run. */
export const createStage = ({ driver, writeDown }: SuiteOptions, uri: () => string) => {
  const open = (uri: string, cluster: string): Promise<Broker> =>
    openBroker(driver, {
      cluster,
      node: `node-${randomBytes(4).toString("hex")}`,
      settings: () => Promise.resolve({ uri }),
      log: silentLog(),
      registry: new Registry(),
    });

  /** Declares a pool that outlives a kill of the server. */
  const declareAt = async (server: MortalServer, cluster: string, pool: Pool): Promise<void> => {
    await using broker = await open(server.uri, cluster);
    await broker.declare([pool]);
    await writeDown?.(server);
  };

  const spawnWorker = async (uri: string, cluster: string, pool: Pool): Promise<NodeProcess> => {
    const worker = spawnNode(WORKER, { DRIVER: driver, URI: uri, CLUSTER: cluster, POOL: JSON.stringify(pool) });
    await eventually(() => expect(worker.messages).toContainEqual({ what: "ready" }), { timeoutMs: 20_000 }).catch(
      (error: unknown) => {
        throw new Error(`the worker did not start: ${worker.lines.join("\n")}`, { cause: error });
      },
    );
    return worker;
  };
  /** Two processes' worth of brokers on a cluster of their own, and a pool that both know. */
  const setUp = async (over: Partial<Pool> = {}) => {
    const cluster = aCluster();
    const pool = aPool(over);
    const stack = new AsyncDisposableStack();
    const broker = stack.use(await open(uri(), cluster));
    const other = stack.use(await open(uri(), cluster));
    await broker.declare([pool]);
    await other.declare([pool]);
    return { cluster, pool, broker, other, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  };
  return { uri, open, declareAt, spawnWorker, setUp };
};
export type Stage = ReturnType<typeof createStage>;
