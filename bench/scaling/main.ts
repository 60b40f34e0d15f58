import { printTable } from "../measure.ts";
import { GATEWAYS, runGateways } from "./gateways.ts";
import { LOADS } from "./loads.ts";
import { byLoadAlone, naive, ours } from "./policies.ts";
import { COMPUTING, runWorkers, WAITING, type SimulatedPool } from "./workers.ts";

const percent = (part: number): string => `${Math.round(part * 100)} %`;
const figure = (value: number): string => value.toFixed(value < 10 ? 1 : 0);
const ratio = (value: number, to: number): string => (to === 0 ? "" : `${(value / to).toFixed(2)}×`);

const POLICIES = [
  ["the operator's", ours],
  ["by load alone", byLoadAlone],
  ["HPA-like", naive],
] as const;

const printPool = (title: string, pool: SimulatedPool): void => {
  process.stdout.write(`${title}\n\n`);
  printTable(
    [
      "load",
      "by",
      "too many",
      "against HPA-like",
      "too few",
      "against HPA-like",
      "jobs wait: mean / p99 / most",
      "changes per hour",
      "flaps per hour",
    ],
    LOADS.flatMap((load) => {
      const runs = POLICIES.map(([name, policy]) => ({ name, run: runWorkers(pool, load, policy(pool.rules)) }));
      const last = runs.at(-1)?.run;
      return runs.map(({ name, run }, index) => [
        index === 0 ? load.name : "",
        name,
        percent(run.over),
        ratio(run.over, last?.over ?? 0),
        percent(run.under),
        ratio(run.under, last?.under ?? 0),
        `${figure(run.waits.mean)} / ${run.waits.p99} / ${run.waits.most} s`,
        figure(run.changesPerHour),
        figure(run.flapsPerHour),
      ]);
    }),
  );
};
printPool("10,000 workers at the most, whose jobs wait for something else", WAITING);
printPool("\n1,000 workers at the most, whose jobs compute", COMPUTING);

process.stdout.write("\n1,000,000 connections at the most, on 1,000 gateways\n\n");
printTable(
  [
    "load",
    "by",
    "too many",
    "too few",
    "changes per hour",
    "flaps per hour",
    "moved per s, at the most",
    "moved, of all that came",
  ],
  LOADS.flatMap((load) =>
    [POLICIES[0], POLICIES[2]].map(([name, policy], index) => {
      const run = runGateways(load, policy(GATEWAYS));
      return [
        index === 0 ? load.name : "",
        name,
        percent(run.over),
        percent(run.under),
        figure(run.changesPerHour),
        figure(run.flapsPerHour),
        figure(run.movedPerSecond),
        percent(run.moved),
      ];
    }),
  ),
);
