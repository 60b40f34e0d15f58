/** What was needed lately, oldest first, each lower than the one before, with when it was last so. */
export type Needs = readonly { at: number; need: number }[];

/** The needs of the last `windowMs` with one more; the first is the highest. */
export const withNeed = (
  needs: Needs,
  { need, now, windowMs }: { need: number; now: number; windowMs: number },
): Needs => {
  // A need holds until the next is known.
  const last = needs.at(-1);
  const seen = last === undefined ? [] : [...needs.slice(0, -1), { at: now, need: last.need }];
  return [...seen.filter((it) => now - it.at < windowMs && it.need > need), { at: now, need }];
};
