/** `npm run bench:burst`: 2,000 jobs at 0 workers, scaled by the cluster's own signals, and by a sample of them every 30 s. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Signal, Signals } from "#operator";
import { canServe, eventually, startServer } from "#testing";
import { startLaptop, type LaptopOptions } from "../../local/testing/laptop.ts";
import { machine, printTable } from "../measure.ts";
import { startRemote } from "../remote.ts";

const JOBS = 2000;
const MOST = 4;
const RUNS = 3;
/** Of KEDA's `pollingInterval`, by default. */
const POLL_MS = 30_000;

const now = () => performance.timeOrigin + performance.now();
const here = (name: string) => join(import.meta.dirname, name);

/** Moments in ms since the epoch. */
interface Burst {
  sent: number;
  taken: number;
  firstDone: number;
  lastDone: number;
}

/** Signals of which the control loop hears only what they said when they were last looked at, every `POLL_MS`; before `begin` it hears all. */
const polling = () => {
  let look = () => {};
  let timer: NodeJS.Timeout | undefined;
  return {
    hear: (signals: Signals, wake: () => void): Signals => {
      let seen: Signal | undefined;
      look = () => {
        seen = signals.latest("test");
        wake();
      };
      return {
        ...signals,
        latest: (key) => (timer === undefined ? signals.latest(key) : seen && { ...seen, ageMs: 0 }),
      };
    },
    /** Looks now, and again in half the interval: a burst that comes now waits as long as one does on average. */
    begin: () => {
      look();
      timer = setTimeout(() => {
        look();
        timer = setInterval(look, POLL_MS);
      }, POLL_MS / 2);
    },
    end: () => clearTimeout(timer),
  };
};

type Measured = Record<"decided" | "whole" | "spawned" | "ready" | "firstDone" | "lastDone", number>;

/** The seconds from the first job's being sent, of `runs` bursts, each when all workers are gone. */
const measure = async (
  options: Pick<LaptopOptions, "secrets"> & { servers?: object },
  isPolled: boolean,
  runs: number,
) => {
  const counts: { at: number; count: number }[] = [];
  const poll = polling();
  const pool = `burst-${randomBytes(4).toString("hex")}`;
  const scaling = { minReplicas: 0, maxReplicas: MOST, targetBacklog: 100, scaleDownSeconds: 1 };
  await using laptop = await startLaptop({
    ...options,
    spec: {
      servers: options.servers,
      gateway: { replicas: 2, limits: { eventsPerSecond: 100_000 } },
      workers: [
        { name: pool, events: ["bench:*"], handlers: here("handlers.ts"), concurrency: 20, autoscaling: scaling },
      ],
    },
    ...(isPolled ? { hear: poll.hear } : {}),
    onApply: ({ roles }) => {
      const role = roles.find((it) => it.pool === pool);
      if (role !== undefined) counts.push({ at: now(), count: role.count });
    },
  });
  await using client = startRemote(here("client.ts"));
  const results: Measured[] = [];
  for (let run = 0; run < runs; run++) {
    await eventually(
      () => {
        if (laptop.workers(pool).length > 0 || laptop.signals.latest("test") === undefined)
          throw new Error("not at rest");
      },
      { timeoutMs: 120_000 },
    );
    // Snapshots go on, and the gateways hear how much room there is.
    await wait(3000);
    if (isPolled) poll.begin();
    const from = laptop.events.length;
    const { sent, firstDone, lastDone } = await client.call<Burst>("burst", laptop.url, JOBS);
    const first = (least: number) => counts.find(({ at, count }) => at >= sent && count >= least)?.at ?? Number.NaN;
    const event = (what: string) =>
      laptop.events.slice(from).find((it) => it.pool === pool && it.what === what)?.at ?? Number.NaN;
    const at = {
      decided: first(1),
      whole: first(MOST),
      spawned: event("starting"),
      ready: event("ready"),
      firstDone,
      lastDone,
    };
    results.push({
      decided: at.decided - sent,
      whole: at.whole - sent,
      spawned: at.spawned - sent,
      ready: at.ready - sent,
      firstDone: at.firstDone - sent,
      lastDone: at.lastDone - sent,
    });
    poll.end();
  }
  const middle = (name: keyof Measured) =>
    results.map((it) => it[name]).toSorted((a, b) => a - b)[Math.floor(results.length / 2)] ?? Number.NaN;
  return (["decided", "whole", "spawned", "ready", "firstDone", "lastDone"] as const).map((name) => middle(name));
};

const rows: (readonly [string, number[]])[] = [];
const add = async (name: string, options: Parameters<typeof measure>[0]) => {
  rows.push([`${name}, its own signals`, await measure(options, false, RUNS)]);
  rows.push([`${name}, a sample every 30 s`, await measure(options, true, 1)]);
};
await add("hub", {});
if (canServe("rabbitmq")) {
  await using rabbitmq = await startServer("rabbitmq");
  const servers = { rabbitmq: { secretRef: { name: "rabbitmq" } } };
  await add("RabbitMQ", { servers, secrets: { rabbitmq: { uri: rabbitmq.uri } } });
}
const seconds = (ms: number) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
process.stdout.write(
  `\n${JOBS} jobs of 100 ms at once, 0 workers, at most ${MOST} of concurrency 20, target 100; from the first emit. The sample every 30 s: once, the burst 15 s before the next. ${machine(RUNS)}\n\n`,
);
printTable(
  ["", "first decision", `${MOST} decided`, "first spawn", "first ready", "first job done", "queue empty"],
  rows.map(([name, times]) => [name, ...times.map(seconds)]),
);
process.exit(0);
