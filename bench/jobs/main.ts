/** `npm run bench:jobs`: jobs per second, client emit → confirmed ack → handler → job:done at the client, against BullMQ and bare amqplib. */
import { join } from "node:path";
import { startServer } from "#testing";
import { startCluster } from "../cluster.ts";
import { machine, median, printTable } from "../measure.ts";
import { startRemote } from "../remote.ts";

const JOBS = 20_000;
const WINDOW = 400;
const CONCURRENCY = 100;
const CLIENTS = 20;
const PAYLOAD = "x".repeat(100);

const here = (name: string) => join(import.meta.dirname, name);

interface Result {
  perSecond: number;
  p50: number;
  p99: number;
}

/** A producer and a worker process of `file`: jobs per second. */
const pair = async (file: string, env: Record<string, string>): Promise<number> => {
  await using producer = startRemote(here(file), env);
  await using worker = startRemote(here(file), { ...env, ROLE: "worker", CONCURRENCY: String(CONCURRENCY) });
  let all = 0;
  const run = async (jobs: number) => {
    all += jobs;
    const worked = worker.call("work", all);
    const start = performance.now();
    await Promise.all([producer.call("add", jobs, WINDOW, PAYLOAD), worked]);
    return (jobs / (performance.now() - start)) * 1000;
  };
  await run(JOBS / 10);
  return await median(() => run(JOBS));
};

const ours = async (servers: { redis?: string; rabbitmq?: string }) => {
  await using cluster = await startCluster({ ...servers, handlers: here("handlers.ts"), concurrency: CONCURRENCY });
  await using clients = startRemote(here("clients.ts"));
  await clients.call("open", cluster.url, CLIENTS);
  await clients.call<Result>("run", JOBS / 10, WINDOW, PAYLOAD);
  const perSecond = await median(async () => (await clients.call<Result>("run", JOBS, WINDOW, PAYLOAD)).perSecond);
  const paced = await clients.call<Result>("pace", perSecond / 2, 5, PAYLOAD);
  return { ...paced, perSecond };
};

await using redis = await startServer("redis");
await using rabbitmq = await startServer("rabbitmq");
const bull = await pair("bullmq.ts", { REDIS: redis.uri });
const bare = await pair("amqplib.ts", { RABBITMQ: rabbitmq.uri });
const onRabbit = await ours({ redis: redis.uri, rabbitmq: rabbitmq.uri });
const onHub = await ours({});
const rate = (value: number) => Math.round(value).toLocaleString("en");
const row = (name: string, perSecond: number, latency?: Result) => [
  name,
  rate(perSecond),
  `${(perSecond / bull).toFixed(2)}×`,
  `${(perSecond / bare).toFixed(2)}×`,
  latency === undefined ? "" : `${latency.p50.toFixed(1)} / ${latency.p99.toFixed(1)} ms`,
];
process.stdout.write(
  `\nJobs per second, ${JOBS} jobs, ${WINDOW} under way, concurrency ${CONCURRENCY}. ${machine()}\n\n`,
);
printTable(
  ["", "jobs/s", "against BullMQ", "against amqplib", "ack p50 / p99 at half the load"],
  [
    row("BullMQ: add → worker (no client)", bull),
    row("amqplib: publish, confirm, consume, ack (no client)", bare),
    row("ours, RabbitMQ quorum queue + Redis: emit → ack → handler → job:done", onRabbit.perSecond, onRabbit),
    row("ours, ZeroMQ hub alone: emit → ack → handler → job:done", onHub.perSecond, onHub),
  ],
);
process.exit(0);
