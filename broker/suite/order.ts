import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import type { Job, Pool } from "#crds";
import { eventually, type NodeProcess } from "#testing";
import type { Delivery } from "../index.ts";
import { behave, type Orders } from "../testing/behave.ts";
import { aCluster, aJob, aPool, ids, numbered, work, type Stage, type SuiteOptions } from "./fixture.ts";

/** What happened to a job: `start`, then how it ended. */
interface Event {
  what: string;
  id: string;
  key: string;
  attempt: number;
  /** ms since the epoch, by the one machine's clock. */
  at: number;
}

const clock = () => performance.timeOrigin + performance.now();

/** As a worker of another process tells it; of one that was killed, what it had under way ended then. */
const eventsOf = (worker: NodeProcess, killedAt?: number): Event[] => {
  const told = worker.messages.flatMap((message) => {
    const { what, id, key, attempt, at } = Object(message);
    return typeof id === "string"
      ? [{ what: String(what), id, key: String(key), attempt: Number(attempt), at: Number(at) }]
      : [];
  });
  if (killedAt === undefined) return told;
  const open = new Map<string, Event>();
  for (const event of told) {
    if (event.what === "start") open.set(event.id, event);
    else open.delete(event.id);
  }
  return [...told, ...[...open.values()].map((event) => ({ ...event, what: "killed", at: killedAt }))];
};

const idsDone = (events: readonly Event[]): string[] => [
  ...new Set(events.flatMap(({ what, id }) => (what === "done" ? [id] : []))),
];

/** No two of one key at once, and they are done in the order of `wanted`. */
const expectOrder = (events: readonly Event[], key: string, wanted: readonly string[]) => {
  const ofKey = events.filter((event) => event.key === key).sort((a, b) => a.at - b.at);
  expect(idsDone(ofKey)).toEqual(wanted);
  let underWay: string | undefined;
  for (const { what, id } of ofKey) {
    if (what === "start") expect([id, underWay]).toEqual([id, undefined]);
    underWay = what === "start" ? id : undefined;
  }
};

const orderedJob = (key: string, id: string, payload: Orders = {}): Job => aJob(id, payload, { key, user: key });

const KEYS = ["ann", "bob", "cem", "dan"];

/** Runs as the workers of other processes do, telling into `events`. */
const tell = (events: Event[], pool: Pool) => async (delivery: Delivery) => {
  const { attempt, job } = delivery;
  const about = { id: job.id, key: job.key ?? "", attempt };
  events.push({ ...about, what: "start", at: clock() });
  const outcome = await behave(pool, delivery);
  events.push({ ...about, what: outcome.kind, at: clock() });
  return outcome;
};

/** `orderBy`, as the driver promises it. */
export const describeOrder = (stage: Stage, options: SuiteOptions): void =>
  describe("order by key", () => {
    if (!options.promises.ordered) return describeRefused(stage);
    describePromised(stage);
    describeKilledServer(stage, options);
  });

const describeKilledServer = ({ open, declareAt }: Stage, options: SuiteOptions): void => {
  test("the server killed under load: none that was acked is lost, nor runs beside another of its key, and they are done in order", async () => {
    await using server = await options.mortalServer();
    const cluster = aCluster();
    const pool = aPool({ orderBy: "user", concurrency: 10 });
    await declareAt(server, cluster, pool);
    await using publisher = await open(server.uri, cluster);
    await using worker = await open(server.uri, cluster);
    await publisher.declare([pool]);
    await worker.declare([pool]);
    const events: Event[] = [];
    await work(worker, pool, tell(events, pool));
    const acked = new Map(KEYS.map((key) => [key, [] as string[]]));
    const ending = new AbortController();
    using stack = new DisposableStack();
    stack.defer(() => ending.abort());
    const load = async (key: string) => {
      for (let index = 0; !ending.signal.aborted; index++) {
        try {
          await publisher.publish(pool, orderedJob(key, `${key}-${index}`, { ms: 5 }));
          acked.get(key)?.push(`${key}-${index}`);
        } catch {
          // Refused while the server is away, with an id of its own.
        }
        await wait(20);
      }
    };
    const loads = KEYS.map(load);
    await eventually(() => expect(idsDone(events).length).toBeGreaterThan(40));
    await server.kill();
    await server.start();
    const before = idsDone(events).length;
    await eventually(() => expect(idsDone(events).length).toBeGreaterThan(before + 40), { timeoutMs: 60_000 });
    ending.abort();
    await Promise.all(loads);
    for (const key of KEYS) {
      const wanted = acked.get(key) ?? [];
      await eventually(() => expect(idsDone(events)).toEqual(expect.arrayContaining(wanted)), { timeoutMs: 60_000 });
      const ofAcked = events.filter((event) => wanted.includes(event.id));
      expectOrder(ofAcked, key, wanted);
    }
  }, 180_000);
};

const describeRefused = ({ setUp }: Stage): void => {
  test("a pool with orderBy is refused, with its name, the field and the way out", async () => {
    await using it = await setUp();
    await expect(it.broker.declare([aPool({ name: "ordered", orderBy: "user" })])).rejects.toThrow(
      /ordered.*workers\[\]\.orderBy.*broker\.type: zeromq/s,
    );
  });
};

const describePromised = ({ setUp, spawnWorker, uri }: Stage): void => {
  test("jobs of one key run one after the other, through a retry and a killed worker", async () => {
    await using it = await setUp({ orderBy: "user", concurrency: 20 });
    await using worker = await spawnWorker(uri(), it.cluster, it.pool);
    for (const index of numbered("", 15))
      for (const key of KEYS)
        await it.broker.publish(
          it.pool,
          orderedJob(key, `${key}-${index}`, { ms: 5, ...(index === "3" ? { fails: 1 } : {}) }),
        );
    await eventually(() => expect(idsDone(eventsOf(worker)).length).toBeGreaterThan(8));
    await worker.kill("SIGKILL");
    const events = eventsOf(worker, clock());
    await work(it.other, it.pool, tell(events, it.pool));
    await eventually(() => expect(idsDone(events)).toHaveLength(60), { timeoutMs: 30_000 });
    for (const key of KEYS) expectOrder(events, key, numbered(`${key}-`, 15));
  });

  test("workers that come, go and are killed: every key in order, one job at a time, and none lost", async () => {
    await using it = await setUp({ orderBy: "user", concurrency: 5 });
    const keys = numbered("user", 40);
    const events: Event[] = [];
    const first = await work(it.broker, it.pool, tell(events, it.pool));
    const load = (async () => {
      for (const index of numbered("", 15)) {
        for (const key of keys) await it.other.publish(it.pool, orderedJob(key, `${key}-${index}`, { ms: 10 }));
        await wait(50);
      }
    })();
    await using doomed = await spawnWorker(uri(), it.cluster, it.pool);
    await using survivor = await spawnWorker(uri(), it.cluster, it.pool);
    await eventually(() => expect(events.length).toBeGreaterThan(50));
    await first.consumption.stop();
    await eventually(() => expect(eventsOf(doomed).length).toBeGreaterThan(20), { timeoutMs: 20_000 });
    await doomed.kill("SIGKILL");
    const killedAt = clock();
    await eventually(() => expect(first.done).toHaveLength(first.seen.length));
    await first.consumption[Symbol.asyncDispose]();
    const third = await work(it.other, it.pool, tell(events, it.pool));
    await load;
    const all = () => [...events, ...eventsOf(doomed, killedAt), ...eventsOf(survivor)];
    await eventually(() => expect(idsDone(all())).toHaveLength(keys.length * 15), { timeoutMs: 40_000 });
    await third.consumption[Symbol.asyncDispose]();
    for (const key of keys) expectOrder(all(), key, numbered(`${key}-`, 15));
  }, 90_000);

  test("a job that waits for its retry holds up its own key only", async () => {
    await using it = await setUp({
      orderBy: "user",
      concurrency: 1,
      retry: { attempts: 2, backoffSeconds: 2, maxBackoffSeconds: 2 },
    });
    const { done } = await work(it.broker, it.pool);
    await it.broker.publish(it.pool, orderedJob("ann", "ann-0", { fails: 1 }));
    await it.broker.publish(it.pool, orderedJob("ann", "ann-1"));
    for (const id of numbered("other", 40)) await it.broker.publish(it.pool, orderedJob(id, id));
    await eventually(() => expect(done).toHaveLength(40));
    expect(ids(done)).not.toContain("ann-1");
    await eventually(() => expect(ids(done).slice(40)).toEqual(["ann-0", "ann-1"]), { timeoutMs: 20_000 });
  });

  test("what a worker has taken and not begun is told by it, or by the depth", async () => {
    await using it = await setUp({ orderBy: "user", concurrency: 1 });
    const finish = Promise.withResolvers<void>();
    const { seen, done, consumption } = await work(it.broker, it.pool, async () => {
      await finish.promise;
      return { kind: "done" };
    });
    for (const id of numbered("ann-", 6)) await it.other.publish(it.pool, orderedJob("ann", id));
    await eventually(() => expect(seen).toHaveLength(1));
    const waiting = async () => (await it.other.depth(it.pool)).ready + consumption.waiting();
    const blocked = async () => ((await it.other.depth(it.pool)).blocked ?? 0) + consumption.blocked();
    await eventually(async () => expect([await waiting(), await blocked()]).toEqual([5, 5]));
    finish.resolve();
    await eventually(() => expect(done).toHaveLength(6));
    await eventually(async () => expect([await waiting(), await blocked()]).toEqual([0, 0]));
  });

  test("what waits for a hand is not told as blocked by its key", async () => {
    await using it = await setUp({ orderBy: "user", concurrency: 1 });
    const finish = Promise.withResolvers<void>();
    const { seen, consumption } = await work(it.broker, it.pool, async () => {
      await finish.promise;
      return { kind: "done" };
    });
    const users = numbered("user-", 4);
    for (const user of users) await it.other.publish(it.pool, orderedJob(user, `${user}-1`));
    await eventually(() => expect(seen).toHaveLength(1));
    await eventually(async () => {
      const { ready, blocked = 0 } = await it.other.depth(it.pool);
      expect([ready + consumption.waiting(), blocked + consumption.blocked()]).toEqual([3, 0]);
    });
    finish.resolve();
  });

  test("a worker killed while a job waits for its retry: the job comes before its key's others, with its count", async () => {
    await using it = await setUp({
      orderBy: "user",
      retry: { attempts: 3, backoffSeconds: 1, maxBackoffSeconds: 1 },
    });
    await using worker = await spawnWorker(uri(), it.cluster, it.pool);
    await it.broker.publish(it.pool, orderedJob("ann", "ann-0", { fails: 2 }));
    await it.broker.publish(it.pool, orderedJob("ann", "ann-1"));
    await eventually(() =>
      expect(eventsOf(worker)).toContainEqual(expect.objectContaining({ what: "retry", attempt: 2 })),
    );
    await wait(500);
    await worker.kill("SIGKILL");
    const { seen } = await work(it.other, it.pool);
    await eventually(
      () =>
        expect(seen.map(({ job, attempt }) => [job.id, attempt])).toEqual([
          ["ann-0", 3],
          ["ann-1", expect.any(Number)],
        ]),
      { timeoutMs: 30_000 },
    );
  });

  test("a job that kills its workers is lost after its attempts; those that waited behind it all run", async () => {
    await using it = await setUp({ orderBy: "user", concurrency: 1, retry: { ...aPool().retry, attempts: 2 } });
    await it.broker.publish(it.pool, orderedJob("ann", "deadly", { hang: true }));
    for (const id of numbered("ann-", 5)) await it.broker.publish(it.pool, orderedJob("ann", id));
    for (const attempt of [1, 2]) {
      await using worker = await spawnWorker(uri(), it.cluster, it.pool);
      await eventually(() => expect(eventsOf(worker)).toMatchObject([{ what: "start", id: "deadly", attempt }]), {
        timeoutMs: 30_000,
      });
      await worker.kill("SIGKILL");
    }
    const { seen, done } = await work(it.other, it.pool);
    await eventually(() => expect(ids(done)).toEqual(numbered("ann-", 5)), { timeoutMs: 30_000 });
    expect(ids(seen)).toEqual(ids(done));
    expect(await it.broker.deadLetters(it.pool, 10)).toMatchObject([{ reason: "lost", job: { id: "deadly" } }]);
  });

  test("a worker that stops finishes what is under way, hands back the rest in order, and nobody loses an attempt", async () => {
    await using it = await setUp({ orderBy: "user", concurrency: 1, retry: { ...aPool().retry, attempts: 1 } });
    const finish = Promise.withResolvers<void>();
    const stopping = await work(it.broker, it.pool, async () => {
      await finish.promise;
      return { kind: "done" };
    });
    for (const id of numbered("ann-", 6)) await it.other.publish(it.pool, orderedJob("ann", id));
    await eventually(() => expect(ids(stopping.seen)).toEqual(["ann-0"]));
    await stopping.consumption.stop();
    const next = await work(it.other, it.pool);
    await wait(500);
    expect(next.seen).toEqual([]);
    finish.resolve();
    await eventually(() => expect(ids(next.done)).toEqual(numbered("ann-", 5).map((_, index) => `ann-${index + 1}`)), {
      timeoutMs: 20_000,
    });
    expect(next.seen.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1, 1]);
    expect(ids(stopping.seen)).toEqual(["ann-0"]);
    expect(await it.broker.deadLetters(it.pool, 10)).toEqual([]);
  });

  test("a worker that joins takes over nothing whose key is under way, and then gets its share", async () => {
    await using it = await setUp({ orderBy: "user", concurrency: 50 });
    const gates = Promise.withResolvers<void>();
    const old = await work(it.broker, it.pool, async () => {
      await gates.promise;
      return { kind: "done" };
    });
    const keys = numbered("user", 30);
    for (const key of keys) await it.broker.publish(it.pool, orderedJob(key, `${key}-0`));
    await eventually(() => expect(old.seen).toHaveLength(30));
    const joined = await work(it.other, it.pool);
    for (const key of keys) await it.broker.publish(it.pool, orderedJob(key, `${key}-1`));
    await wait(500);
    expect(ids(joined.seen).filter((id) => id.endsWith("-0"))).toEqual([]);
    const early = new Set(ids(joined.seen));
    expect(early.size).toBe(0);
    gates.resolve();
    await eventually(() => expect(old.done.length + joined.done.length).toBe(60), { timeoutMs: 20_000 });
  });

  test("jobs without a key run beside one another", async () => {
    await using it = await setUp({ orderBy: "room", concurrency: 20 });
    let running = 0;
    let most = 0;
    const { done } = await work(it.broker, it.pool, async () => {
      most = Math.max(most, ++running);
      await wait(50);
      running--;
      return { kind: "done" };
    });
    for (const id of numbered("job", 60)) await it.broker.publish(it.pool, aJob(id));
    await eventually(() => expect(done).toHaveLength(60));
    expect(most).toBeGreaterThan(4);
    expect(most).toBeLessThanOrEqual(20);
  });

  test("depth counts all that wait, dead letters are put back to their key", async () => {
    await using it = await setUp({ orderBy: "user", retry: { ...aPool().retry, attempts: 1 } });
    for (const key of KEYS)
      for (const id of numbered(`${key}-`, 5)) await it.broker.publish(it.pool, orderedJob(key, id, { fails: 1 }));
    await eventually(async () => expect(await it.other.depth(it.pool)).toMatchObject({ ready: 20, dead: 0 }));
    const failing = await work(it.other, it.pool);
    await eventually(async () => expect(await it.broker.depth(it.pool)).toMatchObject({ ready: 0, dead: 20 }), {
      timeoutMs: 20_000,
    });
    await failing.consumption[Symbol.asyncDispose]();
    expect(await it.broker.redrive(it.pool)).toBe(20);
    const { seen } = await work(it.broker, it.pool, () => Promise.resolve({ kind: "done" }));
    await eventually(() => expect(seen).toHaveLength(20));
    expect(seen.map(({ attempt }) => attempt)).toEqual(numbered("", 20).map(() => 1));
    for (const key of KEYS) expect(ids(seen).filter((id) => id.startsWith(key))).toHaveLength(5);
  });

  test.each([
    ["none to user", "none", "user"],
    ["user to none", "user", "none"],
  ])(
    "a pool that goes from %s while jobs wait loses none of them, also those sent late to the old place",
    async (_, from, to) => {
      await using it = await setUp({ orderBy: from, retry: { ...aPool().retry, attempts: 2 } });
      const changed = { ...it.pool, orderBy: to };
      for (const key of KEYS) await it.broker.publish(it.pool, orderedJob(key, `early-${key}`, { fails: 1 }));
      await it.other.declare([changed]);
      for (const key of KEYS) await it.other.publish(changed, orderedJob(key, `new-${key}`));
      await eventually(async () => expect((await it.other.depth(changed)).ready).toBe(8));
      const { done } = await work(it.other, changed);
      for (const key of KEYS) await it.broker.publish(it.pool, orderedJob(key, `late-${key}`));
      const wanted = ["early-", "late-", "new-"].flatMap((prefix) => KEYS.map((key) => `${prefix}${key}`));
      await eventually(() => expect(ids(done).sort()).toEqual(wanted.sort()), { timeoutMs: 20_000 });
    },
  );
};
