import { mostPerSecond } from "../../gateway/drain/pace.ts";
import { percentile } from "../measure.ts";

/** What one client heard of one source's numbers. */
export interface Heard {
  first: number;
  last: number;
  /** Below `last` and never heard. */
  missing: number;
  doubled: number;
  /** Heard after a higher one. */
  late: number;
}

/** What one client met. Times are ms since the epoch. */
export interface Met {
  heard: Record<string, Heard>;
  /** When its connection was lost, and when it was back. */
  lost: number[];
  back: number[];
  /** How often it was back and had not recovered. */
  unrecovered: number;
}

/** What all clients met together. */
export interface Verdict {
  lost: number;
  doubled: number;
  outOfOrder: number;
  unrecovered: number;
  /** Of all clients, and the most of one. */
  moves: number;
  movesPerClient: number;
  /** From losing the connection to being back, ms. */
  gapP99: number;
  gapMax: number;
  reconnectsPerSecond: number;
}

/** Adds a number that a client hears of a source to what it heard; `open` are those that it misses so far. */
export const hear = (heard: Heard | undefined, open: Set<number>, number: number): Heard => {
  if (heard === undefined) return { first: number, last: number, missing: 0, doubled: 0, late: 0 };
  if (number > heard.last) {
    for (let it = heard.last + 1; it < number; it++) open.add(it);
    return { ...heard, last: number, missing: open.size };
  }
  if (!open.delete(number)) return { ...heard, doubled: heard.doubled + 1 };
  return { ...heard, missing: open.size, late: heard.late + 1 };
};

const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);

/** The last number of each source that any of the clients has heard. */
export const reached = (clients: readonly Met[]): Record<string, number> => {
  const last: Record<string, number> = {};
  for (const { heard } of clients)
    for (const [source, it] of Object.entries(heard)) last[source] = Math.max(last[source] ?? 0, it.last);
  return last;
};

/**
 * Judges what clients met: of each source they must have heard all numbers up to that of `upTo`, from the first on; of a source in `before`, which
 * spoke when they came, from whatever they heard first.
 */
export const judge = (
  clients: readonly Met[],
  { before, upTo }: { before: ReadonlySet<string>; upTo: Record<string, number> },
): Verdict => {
  const lostOf = ([source, last]: [string, number]): number =>
    sum(
      clients.map(({ heard: { [source]: it } }) => {
        if (it === undefined) return last;
        return it.missing + Math.max(0, last - it.last) + (before.has(source) ? 0 : it.first - 1);
      }),
    );
  const heard = clients.flatMap((client) => Object.values(client.heard));
  const gaps = clients
    .flatMap(({ lost, back }) => lost.map((at, index) => (back[index] ?? Number.POSITIVE_INFINITY) - at))
    .sort((a, b) => a - b);
  return {
    lost: sum(Object.entries(upTo).map(lostOf)),
    doubled: sum(heard.map(({ doubled }) => doubled)),
    outOfOrder: sum(heard.map(({ late }) => late)),
    unrecovered: sum(clients.map(({ unrecovered }) => unrecovered)),
    moves: gaps.length,
    movesPerClient: Math.max(0, ...clients.map(({ lost }) => lost.length)),
    gapP99: percentile(gaps, 0.99),
    gapMax: gaps.at(-1) ?? 0,
    reconnectsPerSecond: mostPerSecond(clients.flatMap(({ back }) => back).sort((a, b) => a - b)),
  };
};
