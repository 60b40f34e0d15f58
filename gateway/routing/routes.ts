import type { Pool } from "#crds";

/** Where an event goes: to one pool that answers for it, and to those that get a copy. */
export interface Route {
  readonly pool: Pool | undefined;
  readonly copies: readonly Pool[];
}

const NOWHERE: Route = { pool: undefined, copies: [] };
const REMEMBERED = 10_000;

interface Table {
  literals: Map<string, Pool>;
  /** Longest first. */
  prefixes: [prefix: string, pool: Pool][];
}

const tableOf = (pools: readonly Pool[]): Table => {
  const entries = pools.flatMap((pool) => pool.events.map((pattern) => [pattern, pool] as const));
  return {
    literals: new Map(entries.filter(([pattern]) => !pattern.endsWith("*"))),
    prefixes: entries
      .filter(([pattern]) => pattern.endsWith("*"))
      .map(([pattern, pool]): [string, Pool] => [pattern.slice(0, -1), pool])
      .sort(([a], [b]) => b.length - a.length),
  };
};

const find = ({ literals, prefixes }: Table, event: string): Pool | undefined =>
  literals.get(event) ?? prefixes.find(([prefix]) => event.startsWith(prefix))?.[1];

/** The routes of these pools: a literal before any prefix, then the longest; a copy to every pool of mode `copy` that matches. */
export const compileRoutes = (pools: readonly Pool[]): ((event: string) => Route) => {
  const answering = tableOf(pools.filter(({ mode }) => mode !== "copy"));
  const copying = pools.filter(({ mode }) => mode === "copy").map((pool) => ({ pool, table: tableOf([pool]) }));
  const seen = new Map<string, Route>();
  return (event) => {
    const known = seen.get(event);
    if (known !== undefined) return known;
    const pool = find(answering, event);
    const copies = copying.filter(({ table }) => find(table, event) !== undefined).map(({ pool: it }) => it);
    const route = pool === undefined && copies.length === 0 ? NOWHERE : { pool, copies };
    if (seen.size >= REMEMBERED) seen.clear();
    seen.set(event, route);
    return route;
  };
};
