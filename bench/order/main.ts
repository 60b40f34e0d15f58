/**
 * `npm run bench:order`: pools with `orderBy` on RabbitMQ 4.0 and later. How many jobs each of 2, 4 and 8 workers gets, and jobs per second with order
 * and without, there and on the hub.
 */
import { join } from "node:path";
import { startServer } from "#testing";
import { startCluster } from "../cluster.ts";
import { machine, median, printTable } from "../measure.ts";
import { startRemote, type Remote } from "../remote.ts";

const JOBS = 20_000;
const WINDOW = 400;
const CONCURRENCY = 100;
/** Keys of a job's `orderBy: user`: each client is a user. */
const CLIENTS = 200;
const SHARED_JOBS = 4000;
const PAYLOAD = "x".repeat(100);

const jobs = join(import.meta.dirname, "..", "jobs");

const throughput = async (servers: { redis?: string; rabbitmq?: string }, orderBy: string): Promise<number> => {
  await using cluster = await startCluster({
    ...servers,
    handlers: join(jobs, "handlers.ts"),
    concurrency: CONCURRENCY,
    orderBy,
  });
  await using clients = startRemote(join(jobs, "clients.ts"));
  await clients.call("open", cluster.url, CLIENTS);
  await clients.call("run", JOBS / 10, WINDOW, PAYLOAD);
  return await median(async () => (await clients.call<{ perSecond: number }>("run", JOBS, WINDOW, PAYLOAD)).perSecond);
};

/** Jobs that each of so many workers ran, the most first. */
const shares = async (rabbitmq: string, count: number): Promise<number[]> => {
  const file = join(import.meta.dirname, "worker.ts");
  await using stack = new AsyncDisposableStack();
  const workers: Remote[] = [];
  for (let index = 0; index < count; index++)
    workers.push(
      stack.use(startRemote(file, { RABBITMQ: rabbitmq, CLUSTER: `shares${count}`, NODE_NAME: `w${index}` })),
    );
  for (const worker of workers) await worker.call("work");
  await workers[0]?.call("add", SHARED_JOBS);
  for (;;) {
    const done = await Promise.all(workers.map((worker) => worker.call("done")));
    if (done.reduce((sum, value) => sum + value, 0) >= SHARED_JOBS) return done.sort((a, b) => b - a);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};

await using redis = await startServer("redis");
await using rabbitmq = await startServer("rabbitmq4");
const servers = { redis: redis.uri, rabbitmq: rabbitmq.uri };
const rabbit = [await throughput(servers, "none"), await throughput(servers, "user")] as const;
const hub = [await throughput({}, "none"), await throughput({}, "user")] as const;
const rate = (value: number) => Math.round(value).toLocaleString("en");
process.stdout.write(
  `\nJobs per second, ${JOBS} jobs, ${WINDOW} under way, ${CLIENTS} keys, one worker of concurrency ${CONCURRENCY}. ${machine()}\n\n`,
);
printTable(
  ["", "orderBy none", "orderBy user", "ratio"],
  [["RabbitMQ and Redis", rabbit] as const, ["ZeroMQ hub alone", hub] as const].map(([name, [plain, ordered]]) => [
    name,
    rate(plain),
    rate(ordered),
    `${(ordered / plain).toFixed(2)}×`,
  ]),
);
process.stdout.write(`\nJobs of ${SHARED_JOBS}, of as many keys, that each worker ran.\n\n`);
const rows: string[][] = [];
for (const count of [2, 4, 8]) rows.push([String(count), (await shares(rabbitmq.uri, count)).map(rate).join(", ")]);
printTable(["workers", "jobs of each, the most first"], rows);
process.exit(0);
