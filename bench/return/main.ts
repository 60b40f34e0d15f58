/** `npm run bench:return`: 2,000 clients come back at once; recovered, with what they missed, against plain reconnects to the same gateways. */
import { join } from "node:path";
import { Registry } from "prom-client";
import { openDelivery } from "#adapter";
import { readServerSettings, silentLog } from "#process";
import { startServer } from "#testing";
import { startCluster } from "../cluster.ts";
import { machine, printTable } from "../measure.ts";
import { startRemote } from "../remote.ts";

const CLIENTS = 2000;
const ROOMS = 200;
const MISSED = 10;
const ROUNDS = 5;
const PAYLOAD = "x".repeat(100);
/** The defaults. */
const LIMITS = { maxMessages: 10_000, maxBytes: 64 << 20 };

interface Round {
  ms: number;
  /** ms of that in which the gateway that had to wait longest for a core waited. */
  waited: number;
  /** µs at the gateways, per client. */
  cpu: number;
}

const middle = (rounds: readonly Round[], of: keyof Round): number =>
  rounds.map((round) => round[of]).sort((a, b) => a - b)[Math.floor(rounds.length / 2)] ?? Number.NaN;

const measure = async (redis: string | undefined) => {
  await using cluster = await startCluster({ gateways: 2, recovery: LIMITS, ...(redis !== undefined && { redis }) });
  const server = redis === undefined ? "hub" : "redis";
  await using delivery = await openDelivery(redis === undefined ? "zeromq" : "redis", {
    cluster: "bench",
    node: "bench-emitter",
    settings: () => readServerSettings(server, cluster.adapterDirectory),
    log: silentLog(),
    registry: new Registry(),
    recovery: LIMITS,
  });
  const emitter = delivery.emitter();
  await using clients = startRemote(join(import.meta.dirname, "clients.ts"));
  const cpu = async () => (await cluster.cpuMicros("gateway", 0)) + (await cluster.cpuMicros("gateway", 1));
  const waited = () => Promise.all([cluster.waitedMs(0), cluster.waitedMs(1)]);
  const urls = [...cluster.urls];
  const round = async (recovers: boolean): Promise<Round> => {
    await clients.call("cut");
    for (let n = 0; n < MISSED; n += 1)
      for (let room = 0; room < ROOMS; room += 1) emitter.to(`room:${room}`).emit("bench", PAYLOAD);
    await delivery.confirmed();
    const before = await cpu();
    const [first, second] = await waited();
    urls.reverse();
    const { ms, recovered } = await clients.call<{ ms: number; recovered: number }>(
      "comeBack",
      urls,
      recovers ? MISSED : 0,
    );
    if (recovered !== (recovers ? CLIENTS : 0)) throw new Error(`${recovered} of ${CLIENTS} were recovered`);
    const [firstAfter, secondAfter] = await waited();
    const longest = Math.max(firstAfter - first, secondAfter - second);
    return { ms, waited: longest, cpu: ((await cpu()) - before) / CLIENTS };
  };
  const rounds = async (recovers: boolean): Promise<Round[]> => {
    await clients.call("open", urls, CLIENTS, ROOMS, recovers);
    const all: Round[] = [];
    for (let at = 0; at <= ROUNDS; at += 1) all.push(await round(recovers));
    await clients.call("cut");
    // The first warms up.
    return all.slice(1);
  };
  return { plain: await rounds(false), recovered: await rounds(true) };
};

const redis = await startServer("redis");
const rows: string[][] = [];
for (const [name, uri] of [
  ["the hub", undefined],
  ["Redis", redis.uri],
] as const) {
  const { plain, recovered } = await measure(uri);
  for (const [how, rounds] of [
    ["connect anew, subscribe", plain],
    [`recovered, with ${MISSED} missed`, recovered],
  ] as const) {
    const [ms, waited, cpu] = [middle(rounds, "ms"), middle(rounds, "waited"), middle(rounds, "cpu")];
    const against = (value: number, of: keyof Round) => `${(value / middle(plain, of)).toFixed(2)}×`;
    rows.push([
      name,
      how,
      `${(ms / 1000).toFixed(2)} s (${against(ms, "ms")})`,
      `${(waited / 1000).toFixed(2)} s`,
      `${cpu.toFixed(0)} µs (${against(cpu, "cpu")})`,
      rounds === plain ? "" : Math.round((CLIENTS * MISSED * 1000) / ms).toLocaleString("en"),
    ]);
  }
}
await redis[Symbol.asyncDispose]();
process.stdout.write(`\n${CLIENTS} clients of two gateways, ${ROOMS} rooms, ${PAYLOAD.length} bytes. ${machine()}\n\n`);
printTable(
  ["", "", "all are back after", "of that without a core", "gateways' CPU per client", "missed messages/s"],
  rows,
);
process.exit(0);
