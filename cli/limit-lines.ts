const PER_SECOND = 20;

/** Lets through so many lines per source and second, and says how many it left out. */
export const limitLines = (
  write: (text: string) => void,
  now: () => number = () => performance.now(),
): ((source: string, text: string) => void) => {
  const seen = new Map<string, { since: number; count: number }>();
  return (source, text) => {
    const at = now();
    let window = seen.get(source);
    if (window === undefined || at - window.since >= 1000) {
      const left = (window?.count ?? 0) - PER_SECOND;
      if (left > 0) write(`${source}: ${left} more lines are in its log`);
      window = { since: at, count: 0 };
      seen.set(source, window);
    }
    window.count += 1;
    if (window.count <= PER_SECOND) write(text);
  };
};
