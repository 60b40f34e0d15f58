/**
 * `npm run bench:roll`: a rolling update of three gateways with recovering clients under a steady stream of numbered messages from each gateway, then
 * `kill -9` of one of the three. Processes as `realtime up` runs them, with the hub. CLIENTS, PER_SECOND (drain.reconnectsPerSecond) and EVERY_MS
 * (between two messages of a gateway) change what is measured.
 */
import { join } from "node:path";
import { machine, printTable } from "../measure.ts";
import { startRemote } from "../remote.ts";
import { openStage, type Crowd } from "./stage.ts";
import type { Met, Verdict } from "./verdict.ts";

const CLIENTS = Number(process.env["CLIENTS"] ?? 2000);
const PER_SECOND = Number(process.env["PER_SECOND"] ?? 200);
const EVERY_MS = Number(process.env["EVERY_MS"] ?? 500);
const PER_PROCESS = 1000;

await using stack = new AsyncDisposableStack();
const processes = Array.from({ length: Math.ceil(CLIENTS / PER_PROCESS) }, () =>
  stack.use(startRemote(join(import.meta.dirname, "clients.ts"))),
);
const all = <T>(command: string) => Promise.all(processes.map((it) => it.call<T>(command)));
const crowd: Crowd = {
  open: (url, count) =>
    Promise.all(processes.map((it, index) => it.call("open", url, Math.min(PER_PROCESS, count - index * PER_PROCESS)))),
  connected: async () => (await all<number>("connected")).reduce((sum, one) => sum + one, 0),
  sources: async () => [...new Set((await all<string[]>("sources")).flat())],
  met: async () => (await all<Met[]>("met")).flat(),
  restart: () => all("restart"),
};

const stage = stack.use(
  await openStage(crowd, { clients: CLIENTS, reconnectsPerSecond: PER_SECOND, everyMs: EVERY_MS }),
);
const rolled = await stage.roll();
const killed = await stage.kill();

const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
const column = ({ verdict: it }: { verdict: Verdict }): string[] => [
  String(it.lost),
  String(it.doubled),
  String(it.outOfOrder),
  String(it.unrecovered),
  `${seconds(it.gapP99)}, ${seconds(it.gapMax)}`,
  String(it.reconnectsPerSecond),
  `${it.moves}, ${it.movesPerClient}`,
];
const [roll, kill] = [column(rolled), column(killed)];
const names = [
  "lost",
  "doubled",
  "out of order",
  "not recovered",
  "away: p99, most",
  "reconnects in a second, most",
  "moves, most of one client",
];
process.stdout.write(
  `\n${CLIENTS} clients, 3 gateways, a message to all from each every ${EVERY_MS} ms, reconnectsPerSecond ${PER_SECOND}. ${machine(1)}\n\n`,
);
printTable(
  ["", "all three rolled", "one killed"],
  names.map((name, index) => [name, roll[index] ?? "", kill[index] ?? ""]),
);
const { drains, seconds: took } = rolled.result;
const shown = drains.map((it) => `${it.budget} at the pace, ${it.grace} faster, in ${it.seconds.toFixed(1)} s`);
process.stdout.write(`\nUntil the old ones were gone: ${took.toFixed(1)} s. Closed by each: ${shown.join("; ")}.\n`);
// Of `realtime up`, too, and what it runs.
await stack.disposeAsync();
process.exit(0);
