import type { ScaleRules } from "../topology/model.ts";
import type { Fleet, GatewayLoad, Reading, WorkerLoad } from "./model.ts";
import { initialScale, scale, type Scaled } from "./scale.ts";

/** Rules of a pool, but for what is said. */
export const poolRules = (rest: Partial<ScaleRules> = {}): ScaleRules => ({
  by: "backlog",
  min: 0,
  max: 10,
  target: 100,
  scaleDownSeconds: 60,
  jobs: { concurrency: 20, maxWaitSeconds: 60 },
  ...rest,
});

/** What is read of a role at a second. */
export interface Look {
  at: number;
  /** Absent: unknown. */
  jobs?: Partial<WorkerLoad>;
  clients?: Partial<GatewayLoad>;
  fleet?: Partial<Fleet>;
}

const readingOf = ({ at, jobs, clients, fleet }: Look, count: number): Reading => ({
  load:
    jobs !== undefined
      ? { jobs: { at: at * 1000, ready: 0, unacked: 0, ...jobs } }
      : clients !== undefined
        ? { clients: { connections: 0, draining: 0, ...clients } }
        : { unknown: "its load is unknown" },
  fleet: { ready: count, reporting: count, inHand: 0, busy: 0, silent: 0, ...fleet },
});

/** What is decided at each look, one after the other, where every worker that is wanted is ready at once. */
export const decisions = (
  start: number,
  looks: readonly (Look | ((count: number) => Look))[],
  rules: ScaleRules = poolRules(),
): Scaled[] => {
  let current = start;
  let state = initialScale;
  return looks.map((it) => {
    const look = typeof it === "function" ? it(current) : it;
    const decided = scale({ rules, current, reading: readingOf(look, current), now: look.at * 1000 }, state);
    current = decided.count;
    state = decided.state;
    return decided;
  });
};

/** Looks each `every` seconds from one to the other. */
export const looksFrom = (from: number, to: number, look: (at: number) => Omit<Look, "at">, every = 1): Look[] =>
  Array.from({ length: Math.floor((to - from) / every) + 1 }, (_, index) => ({
    at: from + index * every,
    ...look(from + index * every),
  }));
