const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** JSON in which neither the order of keys nor keys without a value show: what the API server takes for equal has equal text. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value ?? null, (_key, part: unknown) =>
    isRecord(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  );

/** `value` without what a path leads to; `*` is every element or key: `["pools", "*", "backlog"]`. */
export const without = (value: unknown, [first, ...rest]: readonly string[]): unknown => {
  if (first === undefined) return value;
  if (Array.isArray(value)) return first === "*" ? value.map((item) => without(item, rest)) : value;
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) => {
      if (first !== "*" && first !== key) return [[key, item]];
      return rest.length === 0 ? [] : [[key, without(item, rest)]];
    }),
  );
};
