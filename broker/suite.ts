import { randomBytes } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { Refusal, type Job, type Pool } from "#crds";
import { silentLog } from "#process";
import { eventually, spawnNode, type NodeProcess } from "#testing";
import {
  openBroker,
  type Broker,
  type BrokerPromises,
  type Consumption,
  type Delivery,
  type Outcome,
} from "./index.ts";
import { behave, type Orders } from "./testing/behave.ts";

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
  /** How long the server stays away; default: BROKER_AWAY_SECONDS, or 5 s. */
  awayMs?: number;
}

const WORKER = new URL("./testing/worker.ts", import.meta.url).pathname;

const aPool = (over: Partial<Pool> = {}): Pool => ({
  name: "pool",
  events: ["*"],
  mode: "job",
  orderBy: "none",
  concurrency: 20,
  timeoutSeconds: 30,
  retry: { attempts: 5, backoffSeconds: 0.1, maxBackoffSeconds: 1 },
  ...over,
});

const aJob = (id: string, payload: Orders = {}, over: Partial<Job> = {}): Job => ({
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
const gate = () => Promise.withResolvers<void>();

const ids = (deliveries: readonly Delivery[]) => deliveries.map(({ job }) => job.id);

const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}${index}`);

interface Started {
  seen: Delivery[];
  done: Delivery[];
  consumption: Consumption;
}

const aCluster = () => `t${randomBytes(5).toString("hex")}`;

/** Consumes, remembering what came and what was done. */
const work = async (
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

const publishAll = (broker: Broker, pool: Pool, names: readonly string[], payload: Orders = {}) =>
  Promise.all(names.map((id) => broker.publish(pool, aJob(id, payload, { mode: pool.mode }))));

/** The conformance suite of the port `Broker`: every driver passes the cases of what it promises. */
export const describeBroker = (name: string, options: SuiteOptions): void => {
  const { driver, promises } = options;
  const open = (uri: string, cluster: string): Promise<Broker> =>
    openBroker(driver, {
      cluster,
      node: `node-${randomBytes(4).toString("hex")}`,
      settings: () => Promise.resolve({ uri }),
      log: silentLog(),
      registry: new Registry(),
    });

  const spawnWorker = async (uri: string, cluster: string, pool: Pool): Promise<NodeProcess> => {
    const worker = spawnNode(WORKER, { DRIVER: driver, URI: uri, CLUSTER: cluster, POOL: JSON.stringify(pool) });
    await eventually(() => expect(worker.messages).toContainEqual({ what: "ready" }), { timeoutMs: 20_000 }).catch(
      (error: unknown) => {
        throw new Error(`the worker did not start: ${worker.lines.join("\n")}`, { cause: error });
      },
    );
    return worker;
  };

  describe(`broker ${name}`, () => {
    describe("with its server up", () => {
      let uri = "";
      beforeAll(async () => {
        ({ uri } = await options.server());
      });

      /** Two processes' worth of brokers on a cluster of their own, and a pool that both know. */
      const setUp = async (over: Partial<Pool> = {}) => {
        const cluster = aCluster();
        const pool = aPool(over);
        const stack = new AsyncDisposableStack();
        const broker = stack.use(await open(uri, cluster));
        const other = stack.use(await open(uri, cluster));
        await broker.declare([pool]);
        await other.declare([pool]);
        return { cluster, pool, broker, other, [Symbol.asyncDispose]: () => stack.disposeAsync() };
      };

      test("a job arrives as it was sent, as its first attempt", async () => {
        await using it = await setUp();
        const job = aJob("a", {}, { payload: { deep: [1, null, "ü"], bytes: Buffer.from([0, 255]) }, key: "k" });
        const { seen } = await work(it.broker, it.pool, () => Promise.resolve({ kind: "done" }));
        expect(await it.other.publish(it.pool, job)).toEqual({ durable: promises.durable });
        await eventually(() => expect(seen).toHaveLength(1));
        expect(seen[0]).toMatchObject({ attempt: 1, job: { id: "a", event: "event", user: "ann", key: "k" } });
        expect(seen[0]?.job.payload).toEqual(job.payload);
      });

      test("a job without a payload arrives without one", async () => {
        await using it = await setUp();
        const { payload: _none, ...job } = aJob("a");
        const { seen } = await work(it.broker, it.pool, () => Promise.resolve({ kind: "done" }));
        await it.other.publish(it.pool, job);
        await eventually(() => expect(seen).toHaveLength(1));
        expect(seen[0]?.job).toEqual(job);
      });

      test("jobs wait for a worker, are counted while they wait, and run in order", async () => {
        await using it = await setUp({ concurrency: 1 });
        for (const id of numbered("job", 10)) await it.broker.publish(it.pool, aJob(id));
        await eventually(async () => expect(await it.broker.depth(it.pool)).toMatchObject({ ready: 10, dead: 0 }));
        const { done } = await work(it.other, it.pool);
        await eventually(() => expect(ids(done)).toEqual(numbered("job", 10)));
        await eventually(async () => expect(await it.broker.depth(it.pool)).toMatchObject({ ready: 0, dead: 0 }));
      });

      test("no more runs at once than the pool's concurrency", async () => {
        await using it = await setUp({ concurrency: 3 });
        let running = 0;
        let most = 0;
        const { done } = await work(it.broker, it.pool, async () => {
          most = Math.max(most, ++running);
          await wait(10);
          running--;
          return { kind: "done" };
        });
        await publishAll(it.broker, it.pool, numbered("job", 30));
        await eventually(() => expect(done).toHaveLength(30));
        expect(most).toBe(3);
      });

      test("a worker killed in mid-job: its job is the next to be run, by another", async () => {
        await using it = await setUp({ concurrency: 1 });
        await using worker = await spawnWorker(uri, it.cluster, it.pool);
        await it.broker.publish(it.pool, aJob("first", { hang: true }));
        await eventually(() =>
          expect(worker.messages).toContainEqual(expect.objectContaining({ what: "start", id: "first", attempt: 1 })),
        );
        for (const id of numbered("waiting", 5)) await it.broker.publish(it.pool, aJob(id));
        await worker.kill("SIGKILL");
        await eventually(async () => expect((await it.broker.depth(it.pool)).ready).toBe(6), { timeoutMs: 30_000 });
        const { done } = await work(it.other, it.pool, () => Promise.resolve({ kind: "done" }));
        await eventually(() => expect(ids(done)).toEqual(["first", ...numbered("waiting", 5)]));
        expect(done.map(({ attempt }) => attempt)).toEqual([2, 1, 1, 1, 1, 1]);
      });

      test("a job whose workers die as often as attempts allow is dead, as lost", async () => {
        await using it = await setUp({ concurrency: 1, retry: { ...aPool().retry, attempts: 1 } });
        {
          await using worker = await spawnWorker(uri, it.cluster, it.pool);
          await it.broker.publish(it.pool, aJob("deadly", { hang: true }));
          await eventually(() => expect(worker.messages).toHaveLength(2));
        }
        const { seen } = await work(it.other, it.pool);
        await eventually(
          async () =>
            expect(await it.broker.deadLetters(it.pool, 10)).toMatchObject([{ reason: "lost", job: { id: "deadly" } }]),
          { timeoutMs: 30_000 },
        );
        expect(seen).toEqual([]);
      });

      test("a job that fails three times with backoff, then succeeds", async () => {
        await using it = await setUp();
        const at: number[] = [];
        const { seen, done } = await work(it.broker, it.pool, (delivery) => {
          at.push(performance.now());
          return behave(it.pool, delivery);
        });
        await it.other.publish(it.pool, aJob("a", { fails: 3 }));
        await eventually(() => expect(done).toHaveLength(1), { timeoutMs: 20_000 });
        expect(seen.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
        const waits = at.slice(1).map((time, index) => time - (at[index] ?? 0));
        [100, 200, 400].forEach((backoff, index) => expect(waits[index]).toBeGreaterThan(backoff * 0.9));
        expect(await it.broker.depth(it.pool)).toMatchObject({ dead: 0 });
      });

      test("a job that waits for its retry is counted and does not hold up the others", async () => {
        await using it = await setUp({
          concurrency: 1,
          retry: { attempts: 2, backoffSeconds: 2, maxBackoffSeconds: 2 },
        });
        const { done } = await work(it.broker, it.pool);
        await it.broker.publish(it.pool, aJob("late", { fails: 1 }));
        await publishAll(it.broker, it.pool, ["a", "b"]);
        await eventually(() => expect(done).toHaveLength(2));
        expect(ids(done)).not.toContain("late");
        await eventually(async () => expect((await it.broker.depth(it.pool)).ready).toBe(1));
        await eventually(() => expect(ids(done)).toContain("late"), { timeoutMs: 20_000 });
      });

      test("a job that never succeeds is among the dead letters, is put back from there, and runs", async () => {
        await using it = await setUp({ retry: { ...aPool().retry, attempts: 2 } });
        const failing = await work(it.broker, it.pool);
        await it.broker.publish(it.pool, aJob("a", { fails: 99 }, { key: "k" }));
        const listed = await eventually(
          async () => {
            const letters = await it.other.deadLetters(it.pool, 10);
            expect(letters).toHaveLength(1);
            return letters;
          },
          { timeoutMs: 20_000 },
        );
        expect(listed).toMatchObject([
          { reason: "failed", attempts: 2, error: "boom", pool: "pool", job: { id: "a", key: "k", user: "ann" } },
        ]);
        expect(Math.abs(Date.now() - (listed[0]?.at ?? 0))).toBeLessThan(120_000);
        await eventually(async () => expect(await it.other.deadLetters(it.pool, 10)).toEqual(listed));
        await eventually(async () => expect((await it.other.depth(it.pool)).dead).toBe(1));
        expect(ids(failing.seen)).toEqual(["a", "a"]);

        await failing.consumption[Symbol.asyncDispose]();
        const { seen } = await work(it.other, it.pool, () => Promise.resolve({ kind: "done" }));
        expect(await it.broker.redrive(it.pool)).toBe(1);
        await eventually(() => expect(seen).toMatchObject([{ attempt: 1, job: { id: "a", key: "k" } }]));
        expect(await it.broker.deadLetters(it.pool, 10)).toEqual([]);
        expect(await it.broker.redrive(it.pool)).toBe(0);
      });

      test("a rejected job is dead at once; dead letters are put back by id, the others stay in order", async () => {
        await using it = await setUp({ concurrency: 1 });
        const { seen } = await work(it.broker, it.pool);
        for (const id of ["a", "b", "c", "d"]) await it.broker.publish(it.pool, aJob(id, { reject: true }));
        await eventually(async () => expect((await it.broker.depth(it.pool)).dead).toBe(4));
        expect(ids(seen)).toEqual(["a", "b", "c", "d"]);
        const listed = await eventually(async () => {
          const letters = await it.broker.deadLetters(it.pool, 3);
          expect(letters).toHaveLength(3);
          return letters;
        });
        expect(listed.map(({ job, reason, attempts }) => [job.id, reason, attempts])).toEqual([
          ["a", "rejected", 1],
          ["b", "rejected", 1],
          ["c", "rejected", 1],
        ]);
        await eventually(async () => expect((await it.broker.depth(it.pool)).dead).toBe(4));
        expect(await it.broker.redrive(it.pool, ["b", "nobody"])).toBe(1);
        await eventually(() => expect(ids(seen)).toEqual(["a", "b", "c", "d", "b"]));
        await eventually(async () => {
          const left = (await it.broker.deadLetters(it.pool, 10)).map(({ job }) => job.id);
          expect(left).toEqual(["a", "c", "d", "b"]);
        });
      });

      test("a released job is the next to be run", async () => {
        await using it = await setUp({ concurrency: 1 });
        const giveUp = gate();
        const stopping = await work(it.broker, it.pool, async () => {
          await giveUp.promise;
          return { kind: "release" };
        });
        for (const id of ["a", "b", "c"]) await it.broker.publish(it.pool, aJob(id));
        await eventually(() => expect(stopping.seen).toHaveLength(1));
        await stopping.consumption.stop();
        giveUp.resolve();
        await eventually(async () => expect((await it.broker.depth(it.pool)).ready).toBe(3));
        const { done } = await work(it.other, it.pool);
        await eventually(() => expect(ids(done)).toEqual(["a", "b", "c"]));
        expect(done.map(({ attempt }) => attempt)).toEqual([options.releaseCounts === true ? 2 : 1, 1, 1]);
      });

      test("a release does not use up the last attempt", async () => {
        await using it = await setUp({ concurrency: 1, retry: { ...aPool().retry, attempts: 1 } });
        let released = 0;
        const { done } = await work(it.broker, it.pool, () =>
          Promise.resolve(released++ < 3 ? { kind: "release" } : { kind: "done" }),
        );
        await it.broker.publish(it.pool, aJob("a"));
        await eventually(() => expect(done).toMatchObject([{ attempt: 1, job: { id: "a" } }]));
        expect(await it.broker.deadLetters(it.pool, 10)).toEqual([]);
      });

      test("a worker that stops takes no more, and what it has in hand still settles", async () => {
        await using it = await setUp({ concurrency: 3 });
        const finish = gate();
        const stopping = await work(it.broker, it.pool, async () => {
          await finish.promise;
          return { kind: "done" };
        });
        await publishAll(it.broker, it.pool, numbered("early", 10));
        await eventually(() => expect(stopping.seen).toHaveLength(3));
        await stopping.consumption.stop();
        await publishAll(it.broker, it.pool, numbered("late", 10));
        const rest = await work(it.other, it.pool);
        await eventually(() => expect(rest.done).toHaveLength(17));
        expect(stopping.seen).toHaveLength(3);
        finish.resolve();
        await eventually(() => expect(stopping.done).toHaveLength(3));
        await stopping.consumption[Symbol.asyncDispose]();
        await it.broker[Symbol.asyncDispose]();
        await eventually(async () => expect((await it.other.depth(it.pool)).ready).toBe(0));
        expect(new Set([...ids(stopping.seen), ...ids(rest.seen)]).size).toBe(20);
        expect(rest.seen).toHaveLength(17);
      });

      test("a worker that is disposed hands back what it has in hand, to be run first", async () => {
        await using it = await setUp({ concurrency: 3 });
        const going = await work(it.broker, it.pool, () => new Promise(() => {}));
        for (const id of ["a", "b", "c", "d"]) await it.other.publish(it.pool, aJob(id));
        await eventually(() => expect(ids(going.seen).sort()).toEqual(["a", "b", "c"]));
        await going.consumption[Symbol.asyncDispose]();
        await eventually(async () => expect((await it.other.depth(it.pool)).ready).toBe(4));
        const { done } = await work(it.other, { ...it.pool, concurrency: 1 });
        await eventually(() => expect(done).toHaveLength(4));
        expect(ids(done).at(-1)).toBe("d");
      });

      test("an idle worker gets the next job at once, while another is busy", async () => {
        await using it = await setUp({ concurrency: 1 });
        const finish = gate();
        const busy = await work(it.broker, it.pool, async () => {
          await finish.promise;
          return { kind: "done" };
        });
        await it.broker.publish(it.pool, aJob("long"));
        await eventually(() => expect(busy.seen).toHaveLength(1));
        const idle = await work(it.other, it.pool);
        for (const id of numbered("short", 10)) await it.broker.publish(it.pool, aJob(id));
        await eventually(() => expect(ids(idle.done)).toEqual(numbered("short", 10)));
        expect(ids(busy.seen)).toEqual(["long"]);
        finish.resolve();
        await eventually(() => expect(busy.done).toHaveLength(1));
      });

      test("a copy pool gets its copy, beside the pool that runs the job", async () => {
        await using it = await setUp();
        const copies = aPool({ name: "audit", mode: "copy" });
        await it.broker.declare([copies]);
        const main = await work(it.broker, it.pool);
        const audit = await work(it.other, copies);
        await it.broker.publish(it.pool, aJob("a"));
        await it.broker.publish(copies, aJob("a", {}, { mode: "copy" }));
        await eventually(() => expect([ids(main.done), ids(audit.done)]).toEqual([["a"], ["a"]]));
        expect(audit.seen[0]?.job.mode).toBe("copy");
      });

      test("requests are balanced over workers that come and go", async () => {
        await using it = await setUp({ mode: "request", concurrency: 1, timeoutSeconds: 20 });
        const first = await work(it.broker, it.pool, async () => {
          await wait(5);
          return { kind: "done" };
        });
        const second = await work(it.other, it.pool, async () => {
          await wait(5);
          return { kind: "done" };
        });
        expect(await it.broker.publish(it.pool, aJob("r", {}, { mode: "request" }))).toEqual({ durable: false });
        await publishAll(it.broker, it.pool, numbered("r", 19));
        await eventually(() => expect(first.done.length + second.done.length).toBe(20));
        expect(first.done.length).toBeGreaterThan(2);
        expect(second.done.length).toBeGreaterThan(2);
        await second.consumption[Symbol.asyncDispose]();
        const before = first.done.length;
        await publishAll(it.broker, it.pool, numbered("s", 10));
        await eventually(() => expect(first.done.length).toBe(before + 10));
      });

      test("a request that nobody took in time is dropped unrun", async () => {
        await using it = await setUp({ mode: "request", timeoutSeconds: 0.2 });
        await it.broker.publish(it.pool, aJob("old", {}, { mode: "request" }));
        await eventually(async () => expect((await it.broker.depth(it.pool)).ready).toBe(0));
        const { done } = await work(it.broker, it.pool);
        await it.broker.publish(it.pool, aJob("new", {}, { mode: "request" }));
        await eventually(() => expect(ids(done)).toEqual(["new"]));
      });

      test("a request that fails is not retried", async () => {
        await using it = await setUp({ mode: "request" });
        const { seen, done } = await work(it.broker, it.pool);
        await it.broker.publish(it.pool, aJob("a", { fails: 1 }, { mode: "request" }));
        await it.broker.publish(it.pool, aJob("b", {}, { mode: "request" }));
        await eventually(() => expect(ids(done)).toEqual(["b"]));
        await eventually(async () => expect(await it.broker.depth(it.pool)).toMatchObject({ ready: 0, dead: 0 }));
        expect(ids(seen).sort()).toEqual(["a", "b"]);
      });

      test("declaring again, by many at once, is safe and changes nothing", async () => {
        await using it = await setUp();
        await it.broker.publish(it.pool, aJob("a"));
        await Promise.all([it.broker, it.other, it.broker].map((broker) => broker.declare([it.pool])));
        expect((await eventually(() => it.broker.depth(it.pool))).ready).toBe(1);
      });

      const { publishRaw } = options;
      if (publishRaw !== undefined)
        test("bytes that are no job are dead, as malformed, and the worker goes on", async () => {
          await using it = await setUp();
          const { done } = await work(it.broker, it.pool);
          await publishRaw({ uri, cluster: it.cluster, pool: it.pool }, Buffer.from("{not a job"));
          await it.broker.publish(it.pool, aJob("a"));
          await eventually(() => expect(ids(done)).toEqual(["a"]));
          await eventually(async () =>
            expect(await it.broker.deadLetters(it.pool, 10)).toMatchObject([{ reason: "malformed", pool: "pool" }]),
          );
        });

      if (!promises.ordered)
        test("a pool with orderBy is refused, with its name, the field and the way out", async () => {
          await using it = await setUp();
          await expect(it.broker.declare([aPool({ name: "ordered", orderBy: "user" })])).rejects.toThrow(
            /ordered.*workers\[\]\.orderBy.*broker\.type: zeromq/s,
          );
        });

      if (promises.ordered)
        test("jobs of one key run one after the other, through a retry and a killed worker", async () => {
          await using it = await setUp({ orderBy: "user", concurrency: 20 });
          await using worker = await spawnWorker(uri, it.cluster, it.pool);
          const keys = ["ann", "bob", "cem", "dan"];
          for (const index of numbered("", 15))
            for (const key of keys)
              await it.broker.publish(
                it.pool,
                aJob(`${key}-${index}`, { ms: 5, ...(index === "3" ? { fails: 1 } : {}) }, { key, user: key }),
              );
          await eventually(() =>
            expect(
              worker.messages.filter((message) => JSON.stringify(message).includes('"done"')).length,
            ).toBeGreaterThan(8),
          );
          await worker.kill("SIGKILL");
          const events: { what: string; id: string; key: string }[] = [];
          for (const message of worker.messages) {
            const { what, id, key } = Object(message);
            if (typeof id === "string") events.push({ what: String(what), id, key: String(key) });
          }
          await work(it.other, it.pool, async (delivery) => {
            const { id, key = "" } = delivery.job;
            events.push({ what: "start", id, key });
            const outcome = await behave(it.pool, delivery);
            events.push({ what: outcome.kind, id, key });
            return outcome;
          });
          const finished = (key: string) => [
            ...new Set(events.filter((event) => event.key === key && event.what === "done").map(({ id }) => id)),
          ];
          await eventually(() => keys.forEach((key) => expect(finished(key)).toHaveLength(15)), { timeoutMs: 30_000 });
          for (const key of keys) {
            expect(finished(key)).toEqual(numbered(`${key}-`, 15));
            const open = new Set<string>();
            for (const { what, id } of events.filter((event) => event.key === key)) {
              if (what === "start") open.add(id);
              else open.delete(id);
              expect(open.size).toBeLessThanOrEqual(1);
            }
          }
        });
    });

    describe("with a server that goes away", () => {
      let server: MortalServer;
      beforeAll(async () => {
        server = await options.mortalServer();
      });
      afterAll(async () => {
        await server[Symbol.asyncDispose]();
      });

      test("killed and started again under load: nothing that was acked is lost", async () => {
        const cluster = aCluster();
        const pool = aPool();
        await using publisher = await open(server.uri, cluster);
        await using worker = await open(server.uri, cluster);
        await publisher.declare([pool]);
        await worker.declare([pool]);
        const { done } = await work(worker, pool, () => Promise.resolve({ kind: "done" }));
        const acked: string[] = [];
        const codes = new Set<string>();
        const ending = new AbortController();
        const load = async (prefix: string) => {
          for (let index = 0; !ending.signal.aborted; index++) {
            const id = `${prefix}-${index}`;
            try {
              await publisher.publish(pool, aJob(id));
              acked.push(id);
            } catch (error) {
              codes.add(error instanceof Refusal ? error.code : String(error));
              await wait(20);
            }
          }
        };
        const loads = ["a", "b", "c", "d"].map(load);
        await eventually(() => expect(acked.length).toBeGreaterThan(200));
        await server.kill();
        const before = acked.length;
        await server.start();
        await eventually(() => expect(acked.length).toBeGreaterThan(before + 200), { timeoutMs: 50_000 });
        ending.abort();
        await Promise.all(loads);
        await eventually(
          () => {
            const ran = new Set(ids(done));
            expect(acked.filter((id) => !ran.has(id))).toEqual([]);
          },
          { timeoutMs: 30_000 },
        );
        expect([...codes].filter((code) => code !== "broker_unavailable")).toEqual([]);
      }, 120_000);

      test("away for a while: what is sent meanwhile is refused or acked, nothing acked is lost, all works after", async () => {
        const cluster = aCluster();
        const pool = aPool();
        await using publisher = await open(server.uri, cluster);
        await using worker = await open(server.uri, cluster);
        await publisher.declare([pool]);
        await worker.declare([pool]);
        const { done } = await work(worker, pool, () => Promise.resolve({ kind: "done" }));
        const acked: string[] = [];
        const refused: string[] = [];
        const send = async (id: string) => {
          try {
            await publisher.publish(pool, aJob(id));
            acked.push(id);
          } catch (error) {
            refused.push(error instanceof Refusal ? error.code : String(error));
          }
        };
        await send("before");
        await server.stop();
        await eventually(() => expect(publisher.connected()).toBe(false), { timeoutMs: 30_000 });
        const back = Date.now() + (options.awayMs ?? Number(process.env["BROKER_AWAY_SECONDS"] ?? 5) * 1000);
        const sent: Promise<void>[] = [];
        while (Date.now() < back) {
          sent.push(send(`away-${sent.length}`));
          await wait(20);
        }
        await expect(publisher.depth(pool)).rejects.toMatchObject({ code: "broker_unavailable" });
        await server.start();
        await Promise.all(sent);
        await eventually(() => expect([publisher.connected(), worker.connected()]).toEqual([true, true]), {
          timeoutMs: 50_000,
        });
        await eventually(() => publisher.publish(pool, aJob("after")), { timeoutMs: 30_000 });
        await eventually(() => expect(ids(done)).toEqual(expect.arrayContaining([...acked, "after"])), {
          timeoutMs: 30_000,
        });
        expect(acked).toContain("before");
        expect(refused.filter((code) => code !== "broker_unavailable")).toEqual([]);
        expect(refused.length + acked.length).toBe(sent.length + 1);
      }, 120_000);
    });
  });
};
