/** `npm run bench:carry`: what a WebSocket of another gateway's session costs the gateway that carries it, against one of its own. */
import { join } from "node:path";
import { Registry } from "prom-client";
import { openDelivery } from "#adapter";
import { readServerSettings, silentLog } from "#process";
import { startCluster } from "../cluster.ts";
import { machine, median, printTable } from "../measure.ts";
import { startRemote } from "../remote.ts";

const SOCKETS = 1000;
const ROUNDS = 20;
const PAYLOAD = "x".repeat(100);
const [OWNER, CARRIER] = [0, 1];

/** µs of CPU per delivery and KB per connection, at the owner and at the carrier. */
const measure = async (isCarried: boolean) => {
  await using cluster = await startCluster({ gateways: 2 });
  await using delivery = await openDelivery("zeromq", {
    cluster: "bench",
    node: "bench-emitter",
    settings: () => readServerSettings("hub", cluster.adapterDirectory),
    log: silentLog(),
    registry: new Registry(),
  });
  await using clients = startRemote(join(import.meta.dirname, "../fan-out/clients.ts"));
  const room = delivery.emitter().to("bench");
  const run = async (rounds: number, burst: number) => {
    await clients.call("reset");
    for (let round = 1; round <= rounds; round++) {
      for (let i = 0; i < burst; i++) room.emit("bench", PAYLOAD);
      await clients.call("receive", round * burst * SOCKETS);
    }
  };
  const both = async (ask: (index: number) => Promise<number>) => [await ask(OWNER), await ask(CARRIER)] as const;
  const carrier = isCarried ? [cluster.urls[CARRIER]] : [];
  const memory = await both(cluster.residentBytes);
  await clients.call("open", cluster.url, SOCKETS, ...carrier);
  await run(2, 1);
  const grown = await both(cluster.residentBytes);
  const kilobytes = [0, 1].map((i) => ((grown[i] ?? 0) - (memory[i] ?? 0)) / SOCKETS / 1024);
  const perDelivery = (index: number, burst: number) =>
    median(async () => {
      const before = await cluster.cpuMicros("gateway", index);
      await run(ROUNDS, burst);
      return ((await cluster.cpuMicros("gateway", index)) - before) / (ROUNDS * burst * SOCKETS);
    });
  const row = async (index: number) => ({
    kilobytes: kilobytes[index] ?? Number.NaN,
    single: await perDelivery(index, 1),
    burst: await perDelivery(index, 10),
  });
  return { owner: await row(OWNER), carrier: await row(CARRIER) };
};

const own = (await measure(false)).owner;
const carried = await measure(true);
const rows = [
  ["a connection of one's own", own],
  ["carried by another: at its owner", carried.owner],
  ["carried by another: at the carrier", carried.carrier],
] as const;
const against = (value: number, other: number, unit: string) =>
  `${value.toFixed(1)} ${unit} (${(value / other).toFixed(2)}×)`;
process.stdout.write(`\n${SOCKETS} WebSockets in a room, ${PAYLOAD.length} bytes. ${machine()}\n\n`);
printTable(
  ["", "CPU per delivery, single", "bursts of 10", "memory per connection"],
  rows.map(([name, { single, burst, kilobytes }]) => [
    name,
    against(single, own.single, "µs"),
    against(burst, own.burst, "µs"),
    against(kilobytes, own.kilobytes, "KB"),
  ]),
);
process.exit(0);
