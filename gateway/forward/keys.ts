import type { Watched } from "#process";

/** What a mounted Secret takes to reach all gateways, and more. */
const KEEP_MS = 120_000;

/** A secret of the cluster's gateways and, for a while, the one before it: they do not all read a new one at once. Empty ones are none. */
export const recentKeys = (
  secret: Pick<Watched<string>, "current" | "onChange">,
  clock: () => number = Date.now,
): { keys: () => readonly string[] } & Disposable => {
  let now = secret.current();
  let before: { key: string; until: number } | undefined;
  const watching = secret.onChange((next) => {
    before = { key: now, until: clock() + KEEP_MS };
    now = next;
  });
  return {
    keys: () => [now, ...(before !== undefined && clock() < before.until ? [before.key] : [])].filter(Boolean),
    [Symbol.dispose]: () => watching[Symbol.dispose](),
  };
};
