/** `npm run bench:fan-out`: CPU of the server per delivery to a room of 1,000 sockets, against one plain socket.io process. */
import { join } from "node:path";
import { Registry } from "prom-client";
import { openDelivery } from "#adapter";
import { readServerSettings, silentLog } from "#process";
import { startServer } from "#testing";
import { startCluster } from "../cluster.ts";
import { machine, median, printTable } from "../measure.ts";
import { startRemote, type Remote } from "../remote.ts";

const SOCKETS = 1000;
const ROUNDS = 40;
const PAYLOAD = "x".repeat(100);

interface Side {
  emit(burst: number): Promise<unknown>;
  cpu(): Promise<number>;
}

const here = (name: string) => join(import.meta.dirname, name);

/** µs of server CPU per delivery. */
const perDelivery = async (clients: Remote, { emit, cpu }: Side, burst: number): Promise<number> => {
  await clients.call("reset");
  const before = await cpu();
  for (let round = 1; round <= ROUNDS; round++) {
    await emit(burst);
    await clients.call("receive", round * burst * SOCKETS);
  }
  return ((await cpu()) - before) / (ROUNDS * burst * SOCKETS);
};

const measure = async (url: string, side: Side) => {
  await using clients = startRemote(here("clients.ts"));
  await clients.call("open", url, SOCKETS);
  await perDelivery(clients, side, 10);
  return {
    single: await median(() => perDelivery(clients, side, 1)),
    burst: await median(() => perDelivery(clients, side, 10)),
  };
};

const plain = async () => {
  await using server = startRemote(here("plain-server.ts"));
  const port = await server.call("port");
  return await measure(`http://127.0.0.1:${port}`, {
    emit: (burst) => server.call("emit", burst, PAYLOAD),
    cpu: () => server.call("cpu"),
  });
};

const ours = async (redis: string | undefined) => {
  await using cluster = await startCluster(redis === undefined ? {} : { redis });
  const driver = redis === undefined ? "zeromq" : "redis";
  const settings = () => readServerSettings(redis === undefined ? "hub" : "redis", cluster.adapterDirectory);
  await using delivery = await openDelivery(driver, {
    cluster: "bench",
    node: "bench-emitter",
    settings,
    log: silentLog(),
    registry: new Registry(),
  });
  const room = delivery.emitter().to("bench");
  const emit = async (burst: number) => {
    for (let i = 0; i < burst; i++) room.emit("bench", PAYLOAD);
  };
  return await measure(cluster.url, { emit, cpu: () => cluster.cpuMicros("gateway") });
};

await using redis = await startServer("redis");
const base = await plain();
const rows = [
  ["plain socket.io, one process", base],
  ["gateway, emitted elsewhere through Redis", await ours(redis.uri)],
  ["gateway, emitted elsewhere through the hub", await ours(undefined)],
] as const;
const against = (value: number, other: number) => `${value.toFixed(1)} µs (${(value / other).toFixed(2)}×)`;
process.stdout.write(
  `\nServer CPU per delivery, ${SOCKETS} sockets in a room, ${PAYLOAD.length} bytes. ${machine()}\n\n`,
);
printTable(
  ["", "single", "bursts of 10"],
  rows.map(([name, { single, burst }]) => [name, against(single, base.single), against(burst, base.burst)]),
);
process.exit(0);
