/** What a line has of the history that it was in before. */
export interface Former {
  epoch: string;
  /** The last entry that it has seen, or was told of. */
  known: number;
  /** All that stood behind `floor`, up to `last`; absent: it keeps nothing. */
  tail?: { floor: number; last: number } | undefined;
  /** All lines that may know of entries beyond that; itself too. */
  members: readonly string[];
}

export interface Claim {
  id: string;
  former?: Former | undefined;
}

/** `take`: the history goes on, from what those lines have behind `after`, one after the other. */
export type Decision =
  | { kind: "wait" }
  | { kind: "anew"; why: string }
  | { kind: "take"; epoch: string; floor: number; parts: { id: string; after: number; upTo: number }[] };

/**
 * Whether a hub that has nothing goes on with the history that lines had before. Only where nobody can know an entry that is lost: all
 * lines of that history are here, and one of them has everything that any of them was told of. `isLate`: who is not here yet is not
 * waited for.
 */
export const decide = (claims: readonly Claim[], isLate: { forAny: boolean; forAll: boolean }): Decision => {
  const formers = claims.flatMap(({ id, former }) => (former === undefined ? [] : [{ id, ...former }]));
  const [{ epoch } = { epoch: "" }] = formers;
  if (formers.length === 0) return isLate.forAny ? { kind: "anew", why: "there was none before" } : { kind: "wait" };
  if (formers.some((it) => it.epoch !== epoch)) return { kind: "anew", why: "lines come from different histories" };
  const here = new Set(claims.map(({ id }) => id));
  const missing = new Set(formers.flatMap(({ members }) => members.filter((id) => !here.has(id))));
  if (missing.size > 0)
    return isLate.forAll ? { kind: "anew", why: `${missing.size} lines did not come back` } : { kind: "wait" };
  const tails = formers
    .flatMap(({ id, tail }) => (tail === undefined ? [] : [{ id, ...tail }]))
    .sort((one, other) => other.last - one.last || one.floor - other.floor);
  const [latest] = tails;
  const known = Math.max(...formers.map((it) => it.known));
  if (latest === undefined || latest.last < known) return { kind: "anew", why: "entries are lost" };
  const part = ({ id, floor: after, last: upTo }: typeof latest) => ({ id, after, upTo });
  const longest = tails.reduce((best, it) => (it.floor < best.floor && it.last >= latest.floor ? it : best), latest);
  const parts = longest === latest ? [part(latest)] : [part(longest), { ...part(latest), after: longest.last }];
  return { kind: "take", epoch, floor: longest.floor, parts: parts.filter(({ after, upTo }) => after < upTo) };
};
