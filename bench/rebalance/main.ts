/** `npm run bench:rebalance`: 2,000 clients that recover, a stream of numbers, and from 2 gateways to 4: who is where a minute later. */
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { eventually } from "#testing";
import type { Faults } from "../../local/testing/counting-clients.ts";
import { runCluster } from "../../local/testing/running-cluster.ts";
import { machine, printTable } from "../measure.ts";
import { startRemote } from "../remote.ts";

const CLIENTS = 2000;
const PACE = 200;
const [FROM, TO] = [2, 4];
const AFTER_MS = 60_000;
const NUMBER_MS = 200;

interface Counted {
  moves: number;
  peaks: [sentAway: number, cameBack: number];
  most: number;
  connected: number;
  faults: Faults;
}

const specOf = (replicas: number) => ({
  adapter: { type: "zeromq" },
  gateway: { replicas, api: {}, recovery: {}, drain: { graceSeconds: 10, reconnectsPerSecond: PACE } },
});

await using cluster = await runCluster(specOf(FROM));
await using clients = startRemote(join(import.meta.dirname, "clients.ts"));
const loads = () => [...cluster.reports().values()].map(({ connections, carried }) => connections + carried);
const reach = (gateways: number, clients: number) =>
  eventually(
    () => {
      const sum = loads().reduce((all, load) => all + load, 0);
      if (loads().length !== gateways || sum !== clients) throw new Error(`${sum} on ${loads().length}`);
    },
    { timeoutMs: 120_000 },
  );
await reach(FROM, 0);
await clients.call("open", cluster.url, "numbers", CLIENTS);
await reach(FROM, CLIENTS);

const stopping = new AbortController();
const counting = (async () => {
  for (let n = 0; !stopping.signal.aborted; n++) {
    await cluster.publish("numbers", "n", n);
    await wait(NUMBER_MS);
  }
})();
/** The most that the gateways closed in a second, each by its own log: together no more than their sum. */
const closedPerSecond = async (): Promise<number> => {
  const logs = await Promise.all([...cluster.reports().keys()].map((instance) => cluster.log(instance)));
  const waves = logs.map((text) =>
    text
      .split("\n")
      .filter((line) => line.includes("have been sent to gateways that have fewer"))
      .map((line) => Number(Object(JSON.parse(line)).perSecond)),
  );
  return waves.reduce((sum, peaks) => sum + Math.max(0, ...peaks), 0);
};
const before = Math.max(...loads()) / (CLIENTS / TO);
cluster.apply(specOf(TO));
await reach(TO, CLIENTS);
await wait(AFTER_MS);
const after = loads();
stopping.abort();
await counting;
const { moves, peaks, most, connected, faults } = await clients.call<Counted>("count");
const { lost, doubled, disordered, unrecovered, returned } = faults;
process.stdout.write(`\n${CLIENTS} clients, ${FROM} → ${TO} gateways, reconnectsPerSecond ${PACE}. ${machine(1)}\n\n`);
printTable(
  ["", "measured", "aim"],
  [
    ["max/mean at the change", before.toFixed(2), ""],
    [`max/mean ${AFTER_MS / 1000} s after all were ready`, (Math.max(...after) / (connected / TO)).toFixed(3), "≤ 1.2"],
    ["connections per gateway then", after.join(", "), ""],
    ["moves (what lay above the mean)", `${moves} (${CLIENTS / 2})`, ""],
    ["moves of one client, at most", String(most), "≤ 1"],
    ["closed/s by the gateways at the peak", String(await closedPerSecond()), `≤ ${PACE}`],
    ["clients that saw it, and that came back, in a second at the peak", peaks.join(", "), `≤ ${PACE}`],
    ["lost, doubled, out of order", `${lost}, ${doubled}, ${disordered}`, "0, 0, 0"],
    ["not recovered; back to the same gateway", `${unrecovered}; ${returned}`, "0; 0"],
  ],
);
await clients[Symbol.asyncDispose]();
await cluster[Symbol.asyncDispose]();
process.exit(0);
